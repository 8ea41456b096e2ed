#include "tests/support/http3_bytes.h"

namespace echostream::testing::h3 {

std::string varint(std::uint64_t value) {
  int exponent = 0;  // of the number of bytes
  while (exponent < 3 && value >> ((8 << exponent) - 2) != 0) ++exponent;
  std::string bytes;
  for (int i = (1 << exponent) - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i));
  bytes[0] = static_cast<char>(static_cast<unsigned char>(bytes[0]) | exponent << 6);
  return bytes;
}

std::string frame_head(std::uint64_t type, std::uint64_t length) {
  return varint(type) + varint(length);
}

std::string frame(std::uint64_t type, std::string_view payload) {
  return frame_head(type, payload.size()).append(payload);
}

std::string settings(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& values) {
  std::string payload;
  for (const auto& [id, value] : values) payload += varint(id) + varint(value);
  return frame(kSettings, payload);
}

std::string prefixed(std::uint8_t first, int bits, std::uint64_t value) {
  const std::uint64_t most = (std::uint64_t{1} << bits) - 1;
  if (value < most) return std::string(1, static_cast<char>(first | value));
  std::string bytes(1, static_cast<char>(first | most));
  for (value -= most; value >= 0x80; value >>= 7) {
    bytes += static_cast<char>(0x80 | (value & 0x7f));
  }
  return bytes + static_cast<char>(value);
}

std::string section(const http3::Fields& fields) {
  std::string bytes(2, '\0');  // required insert count and base
  for (const http3::Field& field : fields) {
    bytes.append(prefixed(0x20, 3, field.name.size())).append(field.name);
    bytes.append(prefixed(0x00, 7, field.value.size())).append(field.value);
  }
  return bytes;
}

std::string post(std::string_view path, std::string_view content_type, const http3::Fields& more) {
  http3::Fields head{{":method", "POST"},
                     {":scheme", "https"},
                     {":authority", "10.0.0.1:4433"},
                     {":path", std::string(path)},
                     {"content-type", std::string(content_type)}};
  for (const http3::Field& field : more) head.add(field.name, field.value);
  return frame(kHeaders, section(head));
}

std::string data(std::string_view bytes) { return frame(kData, bytes); }

}  // namespace echostream::testing::h3
