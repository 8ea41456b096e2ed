// What a file of either format holds, with the places where it stands: what the readers make, and
// what message_reader.h puts into messages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/messages/text_place.h"

namespace echostream::internal {

struct Member;

struct Value {
  enum class Kind : std::uint8_t {
    kNull,
    kNumber,  // text: as it was written, in decimal
    kString,  // text: what it means
    kWord,    // true, false, and what the text format writes without quotes
    kText,    // of an override: any scalar
    kList,
    kObject,
  };
  Kind kind = Kind::kNull;
  Place place;
  std::string text;
  std::vector<Value> items;
  std::vector<Member> members;
};

struct Member {
  std::string name;
  Place place;
  Value value;
};

// Files are written by people; what is larger is no configuration, and nesting costs stack.
inline constexpr std::size_t kMostConfigBytes = 1024 * 1024;
inline constexpr int kMostConfigDepth = 32;

}  // namespace echostream::internal
