#include "runtime/gateway/protocol/percent.h"

#include <cstddef>

namespace echostream::gateway {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that "%xx" at the front stands for; -1 when it is none.
int encoded_byte(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_digit(text[1]);
  const int low = hex_digit(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

std::optional<std::string> decode_query_text(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int byte = encoded_byte(text.substr(i));
    if (byte < 0) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

std::string encode_grpc_message(std::string_view message) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string value;
  value.reserve(message.size());
  for (std::size_t i = 0; i < message.size(); ++i) {
    const auto byte = static_cast<unsigned char>(message[i]);
    // HTTP takes spaces at the ends of a value for no part of it.
    const bool is_edge_space = byte == ' ' && (i == 0 || i + 1 == message.size());
    if (byte < 0x20 || byte > 0x7E || byte == '%' || is_edge_space) {
      value.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    } else {
      value += message[i];
    }
  }
  return value;
}

std::string decode_grpc_message(std::string_view value) {
  std::string message;
  message.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const int byte = encoded_byte(value.substr(i));
    message += byte < 0 ? value[i] : static_cast<char>(byte);
    if (byte >= 0) i += 2;
  }
  return message;
}

}  // namespace echostream::gateway
