// Weighs what a peer makes us do against what it brings (RFC 9000 section 21.9): who sends packet
// after packet that moves nothing, or has streams, ids, paths and keys made and thrown away as fast
// as it can, is put out. It sees what ngtcp2 tells and no single frame: a packet counts as useful
// by what came out of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "echostream/base/time.h"

#include "runtime/transport/quic_options.h"
#include "runtime/transport/rate_limit.h"

namespace echostream::transport {

enum class Abuse : std::uint8_t {
  kNone,
  kUselessPackets,
  kBrokenStreams,
  kConnectionIds,
  kPaths,
  kKeyUpdates,
  kMemory,
};
/// For the peer, and for whoever reads the session's end: "more packets that bring nothing than
/// ...".
std::string describe(Abuse abuse);

class AbuseGuard {
 public:
  explicit AbuseGuard(const QuicOptions& options);

  // ---- While a datagram is read.
  /// Something came of it: `bytes` of a stream in their order, of a datagram, of TLS, or newly
  /// acknowledged.
  void on_useful(std::uint64_t bytes) noexcept;
  /// It has been read, and a packet of it was authentic and new: anybody can send copies and
  /// rubbish in the peer's name, which must not count against it.
  void on_datagram(LocalTime now, std::size_t bytes);
  /// It has been read, and nothing in it was the peer's.
  void on_rubbish() noexcept { credit_ = 0; }

  // ---- Whenever they happen.
  /// A stream that the peer opened was broken off, by whichever side.
  void on_broken_stream(LocalTime now) { charge(broken_streams_, now, Abuse::kBrokenStreams); }
  /// The peer has made us give out another connection id, or go to another of its own.
  void on_id_change(LocalTime now) { charge(ids_, now, Abuse::kConnectionIds); }
  /// The peer's packets came from somewhere else, which had to be challenged.
  void on_path_challenge(LocalTime now) { charge(paths_, now, Abuse::kPaths); }
  void on_key_update(LocalTime now) { charge(key_updates_, now, Abuse::kKeyUpdates); }
  /// What the connection holds of the peer's and for it, apart from unsent bytes.
  void on_memory(std::size_t bytes, std::uint64_t bytes_in_flight) noexcept;

  /// The first that was too much.
  Abuse verdict() const noexcept { return verdict_; }

 private:
  void charge(RateLimit& limit, LocalTime now, Abuse abuse);

  std::uint64_t most_bytes_;
  RateLimit useless_packets_;
  RateLimit broken_streams_;
  RateLimit ids_;
  RateLimit paths_;
  RateLimit key_updates_;
  std::uint64_t credit_ = 0;  // of the datagram being read
  Abuse verdict_ = Abuse::kNone;
};

}  // namespace echostream::transport
