#include "runtime/transport/peer_parameters.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "runtime/transport/qlog_records.h"

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

constexpr std::uint64_t kPreferredAddress = 0x0d;
constexpr std::uint64_t kGreaseQuicBit = 0x2ab2;

// Calls `visit` with each id, until one is cut off.
template <class Visit>
bool visit_ids(BytesView encoded, const Visit& visit) {
  while (!encoded.empty()) {
    const auto id = take_varint(encoded);
    const auto size = id ? take_varint(encoded) : std::nullopt;
    if (!size || *size > encoded.size()) return false;
    encoded = encoded.subspan(static_cast<std::size_t>(*size));
    visit(*id);
  }
  return true;
}

}  // namespace

bool are_well_formed_parameters(BytesView encoded) {
  std::vector<std::uint64_t> ids;
  if (!visit_ids(encoded, [&](std::uint64_t id) { ids.push_back(id); })) return false;
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(ids.begin(), ids.end()) == ids.end();
}

bool has_parameter(BytesView encoded, std::uint64_t wanted) {
  bool found = false;
  (void)visit_ids(encoded, [&](std::uint64_t id) { found = found || id == wanted; });
  return found;
}

std::size_t append_admission_parameter(MutableBytes out) {
  // The id as a varint of four bytes, and a length of zero.
  constexpr std::array<std::uint8_t, 5> kEncoded = {
      0x80 | kAdmissionParameter >> 24, kAdmissionParameter >> 16 & 0xff,
      kAdmissionParameter >> 8 & 0xff, kAdmissionParameter & 0xff, 0};
  if (out.size() < kEncoded.size()) return 0;
  std::copy(kEncoded.begin(), kEncoded.end(), out.begin());
  return kEncoded.size();
}

std::vector<std::uint8_t> without_parameter(BytesView encoded, std::uint64_t id) {
  std::vector<std::uint8_t> rest;
  while (!encoded.empty()) {
    const BytesView from = encoded;
    const auto found = take_varint(encoded);
    const auto size = found ? take_varint(encoded) : std::nullopt;
    if (!size || *size > encoded.size()) break;
    encoded = encoded.subspan(static_cast<std::size_t>(*size));
    const BytesView parameter = from.first(from.size() - encoded.size());
    if (*found != id) rest.insert(rest.end(), parameter.begin(), parameter.end());
  }
  return rest;
}

std::vector<std::uint8_t> OfferFilter::apply(BytesView encoded) const {
  std::vector<std::uint8_t> rest(encoded.begin(), encoded.end());
  if (keeps_quic_bit) rest = without_parameter(rest, kGreaseQuicBit);
  if (is_traced && !fits_qlog(rest)) rest = without_parameter(rest, kPreferredAddress);
  return rest;
}

}  // namespace echostream::transport
