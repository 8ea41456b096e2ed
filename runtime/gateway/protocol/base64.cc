#include "runtime/gateway/protocol/base64.h"

#include <cstddef>

namespace echostream::gateway {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

std::string encode(BytesView bytes, bool is_padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = bytes.size() - at < 3 ? bytes.size() - at : 3;
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < count ? bytes[at + i] : 0U);
    for (std::size_t i = 0; i <= count; ++i) text += kAlphabet[bits >> (18 - 6 * i) & 63];
    if (is_padded) text.append(3 - count, '=');
  }
  return text;
}

}  // namespace

std::string to_base64(BytesView bytes) { return encode(bytes, false); }
std::string to_padded_base64(BytesView bytes) { return encode(bytes, true); }

std::optional<std::string> from_base64(std::string_view text) {
  // Padding only ends the whole here.
  const std::size_t padding = text.find('=');
  if (padding != std::string_view::npos &&
      (text.size() % 4 != 0 || text.find_first_not_of('=', padding) != std::string_view::npos)) {
    return std::nullopt;
  }
  Base64Reader reader;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  if (!reader.feed(text, bytes) || !reader.finish(bytes)) return std::nullopt;
  return bytes;
}

bool Base64Reader::feed(std::string_view text, std::string& bytes) {
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (c == '=') {
      if (characters_ < 2) return false;
      ++padding_;
    } else if (digit < 0 || padding_ > 0) {
      return false;
    }
    bits_ = bits_ << 6 | static_cast<std::uint32_t>(c == '=' ? 0 : digit);
    if (++characters_ == 4 && !end_group(bytes)) return false;
  }
  return true;
}

bool Base64Reader::finish(std::string& bytes) {
  if (characters_ == 0) return true;
  // One character alone is no byte, and padding that has begun has to end.
  if (characters_ == 1 || padding_ > 0) return false;
  for (; characters_ < 4; ++characters_, ++padding_) bits_ <<= 6;
  return end_group(bytes);
}

bool Base64Reader::end_group(std::string& bytes) {
  const std::uint32_t unused = (1U << (8 * padding_)) - 1;
  if ((bits_ & unused & 0xFFFFFF) != 0) return false;
  for (int i = 0; i < 3 - padding_; ++i) bytes += static_cast<char>(bits_ >> (16 - 8 * i) & 0xFF);
  bits_ = 0;
  characters_ = 0;
  padding_ = 0;
  return true;
}

}  // namespace echostream::gateway
