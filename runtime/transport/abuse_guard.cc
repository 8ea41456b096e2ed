#include "runtime/transport/abuse_guard.h"

namespace echostream::transport {
namespace {

// Rates are meant over some time: that many seconds' worth may come at once.
constexpr std::uint64_t kBurstSeconds = 5;
RateLimit limit_of(std::uint64_t per_second) { return {per_second, kBurstSeconds * per_second}; }

// Behind a lost packet a whole window of good ones brings nothing that could be told, until the
// lost one is sent again. So many of them must pass.
constexpr std::uint64_t kLeastPacketBytes = 1200;

// What an event is worth beside its bytes: a one-byte message is as good as any.
constexpr std::uint64_t kEventBytes = 16;
// A datagram is useful when that share of it was, headers and an acknowledgement apart.
constexpr std::uint64_t kOverheadBytes = 256;
constexpr std::uint64_t kLeastShare = 4;
}  // namespace

std::string describe(Abuse abuse) {
  switch (abuse) {
    case Abuse::kNone:
      return "nothing";
    case Abuse::kUselessPackets:
      return "too many packets that bring nothing";
    case Abuse::kBrokenStreams:
      return "too many streams opened and broken off";
    case Abuse::kConnectionIds:
      return "too many changes of connection ids";
    case Abuse::kPaths:
      return "too many changes of address";
    case Abuse::kKeyUpdates:
      return "too many key updates";
    case Abuse::kMemory:
      return "too much to remember: pieces of streams with gaps between them";
  }
  return {};
}

AbuseGuard::AbuseGuard(const QuicOptions& options)
    : most_bytes_(options.connection_window_bytes + options.max_bookkeeping_bytes),
      useless_packets_(options.max_useless_packets_per_second,
                       kBurstSeconds * options.max_useless_packets_per_second +
                           options.connection_window_bytes / kLeastPacketBytes),
      broken_streams_(limit_of(options.max_broken_streams_per_second)),
      ids_(limit_of(options.max_id_changes_per_second)),
      paths_(limit_of(options.max_path_challenges_per_second)),
      key_updates_(limit_of(options.max_key_updates_per_second)) {}

void AbuseGuard::charge(RateLimit& limit, LocalTime now, Abuse abuse) {
  if (!limit.take(now) && verdict_ == Abuse::kNone) verdict_ = abuse;
}

void AbuseGuard::on_useful(std::uint64_t bytes) noexcept { credit_ += bytes + kEventBytes; }

// A packet on its way costs a few hundred bytes of bookkeeping, and how many there may be is for
// the congestion control to say.
void AbuseGuard::on_memory(std::size_t bytes, std::uint64_t bytes_in_flight) noexcept {
  const bool is_too_much = bytes > most_bytes_ + bytes_in_flight / 2;
  if (is_too_much && verdict_ == Abuse::kNone) verdict_ = Abuse::kMemory;
}

void AbuseGuard::on_datagram(LocalTime now, std::size_t bytes) {
  const bool is_useful = credit_ > 0 && bytes <= kOverheadBytes + kLeastShare * credit_;
  if (is_useful) {
    // Each good byte makes up for a packet: on a bad network a trickle of single bytes comes in the
    // wrong order nearly always, and is told in one go when a gap is filled.
    useless_packets_.give(credit_);
  } else {
    charge(useless_packets_, now, Abuse::kUselessPackets);
  }
  credit_ = 0;
}

}  // namespace echostream::transport
