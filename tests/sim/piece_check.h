// What a receiver may rely on, checked frame by frame: order, no duplicates, exact gaps, age.
#pragma once

#include <cstdint>
#include <string>

#include "echostream/method.h"
#include "echostream/stream.h"
#include "echostream/testing/sim.h"

#include "tests/sim/traffic.echostream.h"

namespace echostream::testing {

/// The max_age of the streams in traffic.proto.
inline constexpr Duration kMaxAge = std::chrono::milliseconds(150);

/// The payload of piece `number`.
std::string pattern(std::int64_t number, std::size_t bytes);

/// The longest that a datagram which is not lost can take over the link.
Duration longest_path(const LinkOptions& link);

class PieceCheck {
 public:
  /// `path`: longest_path() of the link the pieces come over; looked at whenever one arrives.
  PieceCheck(Simulation& sim, Executor& receiver, Delivery delivery, const Duration& path)
      : sim_(sim), receiver_(receiver), delivery_(delivery), path_(path) {}

  void on_frame(const Frame<traffic::v1::Piece>& frame);
  /// Of a stream that ended well.
  void on_end(std::uint64_t lost_at_end);

  std::int64_t received() const { return received_; }
  std::int64_t lost() const { return lost_; }
  /// Greatest time from the sender's write to the reader's hands.
  Duration greatest_age() const { return greatest_age_; }

 private:
  Simulation& sim_;
  Executor& receiver_;
  Delivery delivery_;
  const Duration& path_;
  std::int64_t received_ = 0;
  std::int64_t lost_ = 0;
  Duration greatest_age_{};
};

}  // namespace echostream::testing
