#include "discovery/pairing/code.h"

#include <openssl/mem.h>

#include <cstdint>
#include <limits>

namespace echostream::pairing {
namespace {

constexpr std::uint32_t kCodes = 1'000'000;

std::uint32_t random_number(const std::function<void(MutableBytes)>& fill_random) {
  std::array<std::uint8_t, 4> bytes{};
  fill_random(bytes);
  std::uint32_t number = 0;
  for (const std::uint8_t byte : bytes) number = number << 8 | byte;
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return number;
}

}  // namespace

Code Code::make(const std::function<void(MutableBytes)>& fill_random) {
  // The numbers above the last full million would make some codes likelier than others.
  constexpr std::uint32_t kLimit = std::numeric_limits<std::uint32_t>::max() / kCodes * kCodes;
  std::uint32_t number = random_number(fill_random);
  while (number >= kLimit) number = random_number(fill_random);
  Code code;
  for (auto digit = code.digits_.rbegin(); digit != code.digits_.rend(); ++digit) {
    *digit = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return code;
}

Result<Code> Code::parse(std::string_view text) {
  Code code;
  std::size_t count = 0;
  for (const char c : text) {
    if (c == ' ' || c == '-') continue;
    if (c < '0' || c > '9' || count == kCodeDigits) {
      return Status(StatusCode::kInvalidArgument, "a pairing code is six digits");
    }
    code.digits_[count++] = c;
  }
  if (count != kCodeDigits) {
    return Status(StatusCode::kInvalidArgument, "a pairing code is six digits");
  }
  return code;
}

Code::~Code() { OPENSSL_cleanse(digits_.data(), digits_.size()); }

std::string Code::for_people() const {
  std::string text;
  text.reserve(kCodeDigits + 1);
  text.append(digits().substr(0, 3)).append(1, ' ').append(digits().substr(3));
  return text;
}

void wipe(std::string& secret) noexcept {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace echostream::pairing
