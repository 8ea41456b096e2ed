#include "echostream/security.h"

namespace echostream {
namespace {

constexpr std::size_t kDigits = 64;
constexpr std::size_t kLengthWithColons = kDigits + 31;

Status bad_fingerprint(const std::string& why) {
  return {StatusCode::kInvalidArgument,
          "not a fingerprint: " + why +
              "; write the SHA-256 of a certificate as 64 hexadecimal digits, or as 32 pairs of "
              "them with ':' between"};
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

Result<Fingerprint> Fingerprint::parse(std::string_view text) {
  const bool with_colons = text.size() == kLengthWithColons;
  if (!with_colons && text.size() != kDigits) {
    return bad_fingerprint("it has " + std::to_string(text.size()) + " characters");
  }
  const std::size_t stride = with_colons ? 3 : 2;
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const std::size_t at = i * stride;
    for (const std::size_t position : {at, at + 1}) {
      if (hex_value(text[position]) < 0) {
        return bad_fingerprint("character " + std::to_string(position + 1) +
                               " is not a hexadecimal digit");
      }
    }
    if (with_colons && i + 1 < digest.size() && text[at + 2] != ':') {
      return bad_fingerprint("character " + std::to_string(at + 3) + " is not ':'");
    }
    digest[i] = static_cast<std::uint8_t>(hex_value(text[at]) << 4 | hex_value(text[at + 1]));
  }
  return Fingerprint(digest);
}

std::string Fingerprint::to_string() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(kLengthWithColons);
  for (const std::uint8_t byte : digest_) {
    if (!text.empty()) text += ':';
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

}  // namespace echostream
