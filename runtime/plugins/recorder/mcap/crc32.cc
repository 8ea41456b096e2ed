#include "runtime/plugins/recorder/mcap/crc32.h"

#include <array>
#include <cstddef>

namespace echostream::mcap {
namespace {

// The polynomial 0x04C11DB7 with its bits reversed: the lowest bit comes first.
constexpr std::uint32_t kPolynomial = 0xEDB88320;
constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

// tables[k][b]: what the byte b does to the CRC when k bytes follow it. Eight bytes are then eight
// independent look-ups, which is about five times as fast as byte after byte.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}
constexpr Tables kTables = make_tables();

}  // namespace

std::uint32_t crc32(BytesView bytes, std::uint32_t crc) noexcept {
  crc = ~crc;
  while (bytes.size() >= kSlices) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      next ^= kTables[7 - i][(bytes[i] ^ (crc >> (8 * i))) & 0xFF];
      next ^= kTables[3 - i][bytes[4 + i]];
    }
    crc = next;
    bytes = bytes.subspan(kSlices);
  }
  for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ kTables[0][(crc ^ byte) & 0xFF];
  return ~crc;
}

}  // namespace echostream::mcap
