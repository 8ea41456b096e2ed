// What a station knows of the other one's clock in the course of a call.
#pragma once

#include <optional>
#include <string>

#include "echostream/session.h"

#include "intercom.pb.h"

namespace intercom {

/// "offset +0.021 ms, wrong by 31.2 ms at most and probably by 0.030 ms; rate +0.4 ppm; tracking
/// (24 exchanges)"
std::string describe(const echostream::ClockEstimate& clock);

class ClockWatch {
 public:
  explicit ClockWatch(echostream::Session peer);

  /// To be called now and then. True when the clock is known for the first time.
  bool look();
  /// What it saw last; none while nothing is known.
  const std::optional<echostream::ClockEstimate>& latest() const noexcept { return latest_; }
  /// Both stations run on one machine and read the same clock: the true offset is 0.
  bool one_machine() const noexcept { return one_machine_; }
  /// Fills in all that is about the clock.
  void describe(v1::CallReport& report) const;

 private:
  echostream::Session peer_;
  bool one_machine_;
  std::optional<echostream::ClockEstimate> first_;
  std::optional<echostream::ClockEstimate> latest_;
  /// The offset that was furthest from 0.
  echostream::Duration furthest_{};
};

}  // namespace intercom
