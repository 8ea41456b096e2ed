// Reads JSON (RFC 8259) once from front to back and tells what is there, each with its place;
// whoever listens builds of it what it needs. Takes linear time, and stack as deep as `max_depth`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/messages/text_place.h"

namespace echostream::internal {

enum class JsonScalar : std::uint8_t {
  kNull,
  kNumber,  // as it was written
  kString,  // what it means, UTF-8
  kWord,    // true, false; or another one, after the problem was told
};

/// Functions that return bool end the scan by returning false.
class JsonHandler {
 public:
  virtual ~JsonHandler() = default;
  virtual bool on_scalar(Place place, JsonScalar kind, std::string text) = 0;
  /// '{' or '['.
  virtual bool on_begin(Place place, char bracket) = 0;
  virtual bool on_end(Place place) = 0;
  /// Of the member of an object that follows.
  virtual bool on_name(Place place, std::string name) = 0;
  /// Something is wrong there. After slips like a comma too many the scan can go on.
  virtual bool on_problem(Place place, std::string message) = 0;
};

struct JsonScanOptions {
  /// Objects and lists within each other.
  int max_depth = 64;
  /// What is added when somebody writes a comment: where they may.
  std::string_view comment_hint = "";
};

/// One value and nothing else. False when the handler ended it, or what follows cannot be made out.
bool scan_json(std::string_view text, const JsonScanOptions& options, JsonHandler& handler);

}  // namespace echostream::internal
