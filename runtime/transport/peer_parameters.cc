#include "runtime/transport/peer_parameters.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace echostream::transport {
namespace {

std::optional<std::uint64_t> take_varint(BytesView& rest) {
  if (rest.empty()) return std::nullopt;
  const std::size_t size = std::size_t{1} << (rest[0] >> 6);
  if (rest.size() < size) return std::nullopt;
  std::uint64_t value = rest[0] & 0x3f;
  for (std::size_t i = 1; i < size; ++i) value = value << 8 | rest[i];
  rest = rest.subspan(size);
  return value;
}

}  // namespace

bool are_well_formed_parameters(BytesView encoded) {
  std::vector<std::uint64_t> ids;
  while (!encoded.empty()) {
    const auto id = take_varint(encoded);
    const auto size = id ? take_varint(encoded) : std::nullopt;
    if (!size || *size > encoded.size()) return false;
    encoded = encoded.subspan(static_cast<std::size_t>(*size));
    ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(ids.begin(), ids.end()) == ids.end();
}

}  // namespace echostream::transport
