#include "runtime/timing/capture_timeline.h"

#include <algorithm>
#include <cmath>

#include "runtime/timing/microseconds.h"

namespace echostream::timing {

namespace {

// No network keeps a frame for longer and is of any use for playing it in time.
constexpr double kImplausible = 10e6;
// What is expected after more lost frames than that is no better than the time of arrival.
constexpr std::uint64_t kFarAhead = 1'000;
// A clock that gains or loses half of three seconds, twice in a row, is none. An outage after which
// all comes at once looks like that once, and the other way round the next time.
constexpr double kWindow = 3e6;
constexpr double kFastest = 2;
constexpr int kBadWindows = 2;

}  // namespace

void CaptureTimeline::start(std::uint64_t sequence, RemoteTime capture) {
  newest_ = sequence;
  first_stamp_ = capture;
}

/// Whether the stamps advance as time does.
bool CaptureTimeline::runs_like_time(double stamp, double arrived) {
  const double passed = arrived - window_arrived_;
  if (passed >= kWindow || passed < 0) {
    const double advanced = stamp - window_stamp_;
    const bool is_good = advanced * kFastest > passed && advanced < passed * kFastest;
    bad_windows_ = is_good ? 0 : std::min(bad_windows_ + 1, kBadWindows);
    window_stamp_ = stamp;
    window_arrived_ = arrived;
  }
  return bad_windows_ < kBadWindows;
}

double CaptureTimeline::capture_of(std::uint64_t sequence, RemoteTime stamp, double arrived,
                                   double least_delay, double interval) {
  if (is_empty_) {
    window_arrived_ = arrived;
    return 0;
  }
  const double in_time = arrived - least_delay;
  if (stamp == RemoteTime{}) return in_time;
  const double since_first =
      to_microseconds(Duration(wrapping_difference(count_of(stamp), count_of(first_stamp_))));
  if (!runs_like_time(since_first, arrived)) {
    shift_ = in_time - since_first;
    return in_time;
  }
  const double capture = since_first + shift_;
  if (std::abs(in_time - capture) <= kImplausible) return capture;
  const double frames = sequence >= newest_
                            ? static_cast<double>(std::min(sequence - newest_, kFarAhead))
                            : -static_cast<double>(std::min(newest_ - sequence, kFarAhead));
  const double expected =
      std::clamp(newest_capture_ + frames * interval, in_time - kImplausible / 10, in_time);
  shift_ = expected - since_first;
  return expected;
}

void CaptureTimeline::add(std::uint64_t sequence, double capture) {
  if (!is_empty_ && sequence < newest_) return;
  newest_ = sequence;
  newest_capture_ = capture;
  is_empty_ = false;
}

}  // namespace echostream::timing
