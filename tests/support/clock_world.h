// Two clocks that wander, a path between them, and the exchanges that a session would make: with
// the truth beside them. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "echostream/base/time.h"

#include "runtime/timing/peer_clock.h"

namespace echostream::testing {

struct ClockWorldOptions {
  enum class Path { kLan, kWifi, kWan, kUniform, kAsymmetric };

  Path path = Path::kLan;
  double seconds = 120;
  double rate = 1;  // exchanges a second, after a burst of 20 in the first
  double loss = 0.02;
  double skew_ppm = 50;        // each clock, at most
  double wander = 0.02;        // ppm per square root of a second
  double heating_ppm = 3;      // what a clock's rate changes by when its machine warms up
  double delay_step_us = 0;    // from a third to two thirds of the time, on the way there
  double delay_change_us = 0;  // from the half on, both ways
  double jump_us = 0;          // the peer's clock, at the half
  double outage_from = 0, outage_to = 0;
};

class ClockWorld {
 public:
  struct Exchange {
    LocalTime sent;
    RemoteTime received, replied;
    LocalTime answered;
  };

  ClockWorld(std::uint64_t seed, const ClockWorldOptions& options);

  const std::vector<Exchange>& exchanges() const { return exchanges_; }
  /// `seconds` from the beginning, on each clock.
  LocalTime local(double seconds) const;
  RemoteTime remote(double seconds) const;

 private:
  struct Clock {
    std::int64_t epoch = 0;
    std::vector<double> error_us;  // every 100 ms
  };

  Clock make_clock();
  double error_us(const Clock& clock, double seconds) const;
  std::int64_t reading(const Clock& clock, double seconds) const;
  double delay_us(double seconds, bool there);
  void exchange(double seconds);
  double uniform(double least, double most);
  double exponential(double mean);

  ClockWorldOptions options_;
  std::mt19937_64 random_;
  Clock local_;
  Clock remote_;
  std::vector<Exchange> exchanges_;
};

/// How a PeerClock did in a world, looked at every 100 ms.
struct ClockScore {
  int looks = 0;
  int outside_bound = 0;
  int outside_estimate = 0;  // after 10 s
  int backwards = 0;
  double settled_after = -1;      // when the error was below 100 us and stayed so for 95 % of 15 s
  std::vector<double> errors_us;  // after 10 s, sorted
  double median_bound_us = 0;

  double percentile(double part) const;
};

ClockScore score_clock(const ClockWorld& world, timing::PeerClock& clock, double seconds);

/// Remote minus local; what the clocks differ by has the same bits whatever their epochs are.
double error_us(const ClockWorld& world, const timing::PeerClock& clock, double seconds);

}  // namespace echostream::testing
