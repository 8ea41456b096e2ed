// What the bare UDP programs say to each other: one kind byte at the start of each datagram.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench::udp {

enum class Kind : std::uint8_t {
  kEcho = 'e',   // comes back as it is
  kSink = 's',   // counted
  kCount = 'c',  // asks for a Counted; a reply has the same kind
  kUsage = 'u',  // asks for a Used; a reply has the same kind
};

#pragma pack(push, 1)
/// How many bytes of kSink datagrams came since the server started.
struct Counted {
  Kind kind = Kind::kCount;
  std::uint64_t bytes = 0;
};
struct Used {
  Kind kind = Kind::kUsage;
  double cpu_seconds = 0;
  double resident_bytes = 0;
};
#pragma pack(pop)

/// Of a 64 KiB message: what an Ethernet packet holds.
inline constexpr std::size_t kDatagramBytes = 1452;

}  // namespace bench::udp
