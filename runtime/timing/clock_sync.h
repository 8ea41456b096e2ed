// Asks the peer for its time and answers its questions: when, how often, with which ids. What the
// answers mean is PeerClock's part; datagrams and stamps are its owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "echostream/base/time.h"

#include "runtime/timing/peer_clock.h"

namespace echostream::timing {

struct ClockRequest {
  std::uint64_t id = 0;
};

struct ClockReply {
  std::uint64_t id = 0;
  /// When the request came (T2) and when this reply was made (an early T3), on the replier's clock.
  RemoteTime received{};
  RemoteTime sent{};
  /// The reply before this one, and when it really left (its true T3). 0: there is none.
  std::uint64_t previous_id = 0;
  RemoteTime previous_sent{};
};

/// Both halves of the exchange (NTP's interleaved mode, RFC 9769, in a form of its own: a reply
/// carries an early T3 at once and the true one of the reply before).
///
/// The driver calls poll() at next_deadline() until it gives nothing, sends what it gives, tells
/// when that really left, and hands over what comes. Ids are those of one session; 0 is none.
///
/// How often: 20 requests in the first second, so that the least delay is found soon; then 5 a
/// second while media flow and 1 a second otherwise; each with a random phase, lest probes keep
/// step with something periodic on the path, such as frames of a stream or a radio's slots. Ten
/// quick ones follow a path change or a contradiction, at most every 10 s whatever the peer does.
class ClockSync {
 public:
  explicit ClockSync(std::uint64_t first_id);

  LocalTime next_deadline() const noexcept { return next_; }
  /// `chance` is a random number in [0, 1): the phase of the next request.
  std::optional<ClockRequest> poll(LocalTime now, double chance);
  /// T1: when the request went into a packet, just before the send call.
  void handle_request_sent(std::uint64_t id, LocalTime at);
  /// The answer to a peer's request that came at `arrived` (T2). None: it asks too often.
  std::optional<ClockReply> handle_request(LocalTime arrived, LocalTime now,
                                           const ClockRequest& request);
  /// When the reply to the peer's request `id` went into a packet (true T3).
  void handle_reply_sent(std::uint64_t id, LocalTime at);
  /// Replies to unknown, unsent, already answered or long past requests have no effect.
  void handle_reply(LocalTime arrived, const ClockReply& reply);
  void set_busy(bool media_flows);
  void handle_path_change(LocalTime now);

  PeerClock& clock() noexcept { return clock_; }
  const PeerClock& clock() const noexcept { return clock_; }

 private:
  struct Probe {
    std::uint64_t id = 0;
    enum class Stage : unsigned char { kNone, kMade, kSent, kAnswered, kDone } stage = Stage::kNone;
    LocalTime sent{};
    LocalTime answered{};
    RemoteTime early_reply{};
  };
  // Replies later than 32 requests (1.6 s in the burst, 6.4 s at 5 Hz) measure a queue, not a path.
  static constexpr std::size_t kOutstanding = 32;

  Probe* find(std::uint64_t id);
  void start_burst(LocalTime now);
  void use_true_reply_time(const ClockReply& reply);
  bool take_token(LocalTime now);

  PeerClock clock_;
  // Asking.
  std::array<Probe, kOutstanding> probes_;
  std::uint64_t next_id_;
  LocalTime next_ = LocalTime::min();
  LocalTime last_probe_ = LocalTime::min();
  double last_chance_ = 0;
  LocalTime last_burst_ = LocalTime::min();
  int burst_left_;
  bool busy_ = false;
  // Answering.
  std::uint64_t previous_id_ = 0;
  LocalTime previous_sent_{};
  std::uint64_t newest_reply_ = 0;
  LocalTime tokens_full_at_ = LocalTime::min();
};

}  // namespace echostream::timing
