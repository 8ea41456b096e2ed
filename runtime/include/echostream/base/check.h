// Assertions that stay on in release builds. They mark bugs of ours or of the caller's code, never
// bad input from a peer: what a peer sends is answered with a Status.
#pragma once

namespace echostream::internal {

/// Prints "file:line: check failed: expression: message" to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression,
                               const char* message);

}  // namespace echostream::internal

#define ECHOSTREAM_CHECK(condition, message) \
  (static_cast<bool>(condition)              \
       ? static_cast<void>(0)                \
       : ::echostream::internal::check_failed(__FILE__, __LINE__, #condition, message))
