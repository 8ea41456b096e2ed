// Where each field was set, kept for those who find later that its value cannot be used.
#pragma once

#include <string>
#include <string_view>

#include "runtime/config/message_reader.h"
#include "runtime/config/problems.h"

namespace echostream::internal {

struct ConfigPlaces {
  /// The file's name; "configuration" where there is none.
  std::string source = "configuration";
  FieldPlaces fields;

  /// The place of the field, or of the nearest one around it that was given.
  FieldPlace find(std::string_view path) const;
  /// Adds "path: message" with that place.
  void report(Problems& problems, const std::string& path, const std::string& message) const;
};

}  // namespace echostream::internal
