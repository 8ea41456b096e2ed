// The six digits that one device shows and the other is given.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

namespace echostream::pairing {

inline constexpr std::size_t kCodeDigits = 6;

/// Wiped when it is destroyed.
class Code {
 public:
  /// Each of the million codes as likely as another, when the bytes that `fill_random` writes are.
  static Code make(const std::function<void(MutableBytes)>& fill_random);
  /// Ignores spaces and '-'. INVALID_ARGUMENT unless six digits are left; the message does not
  /// repeat them.
  static Result<Code> parse(std::string_view text);

  Code(const Code&) = default;
  Code& operator=(const Code&) = default;
  ~Code();

  std::string_view digits() const noexcept { return {digits_.data(), digits_.size()}; }
  /// "123 456". The caller wipes it.
  std::string for_people() const;

 private:
  Code() noexcept : digits_{} {}
  std::array<char, kCodeDigits> digits_;
};

/// Overwrites what a secret leaves behind in a string.
void wipe(std::string& secret) noexcept;

}  // namespace echostream::pairing
