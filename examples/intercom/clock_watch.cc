#include "clock_watch.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace intercom {

using echostream::ClockEstimate;
using echostream::ClockState;
using echostream::Duration;
using echostream::Session;

namespace {

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

const char* name(ClockState state) {
  switch (state) {
    case ClockState::kAcquiring:
      return "acquiring";
    case ClockState::kTracking:
      return "tracking";
    case ClockState::kHoldover:
      return "holdover";
    case ClockState::kPathChanged:
      return "path changed";
    case ClockState::kUnreliable:
      return "unreliable";
  }
  return "unknown";
}

v1::ClockFigures::State figure(ClockState state) {
  switch (state) {
    case ClockState::kAcquiring:
      return v1::ClockFigures::ACQUIRING;
    case ClockState::kTracking:
      return v1::ClockFigures::TRACKING;
    case ClockState::kHoldover:
      return v1::ClockFigures::HOLDOVER;
    case ClockState::kPathChanged:
      return v1::ClockFigures::PATH_CHANGED;
    case ClockState::kUnreliable:
      return v1::ClockFigures::UNRELIABLE;
  }
  return v1::ClockFigures::UNKNOWN;
}

v1::ClockFigures figures(const ClockEstimate& clock) {
  v1::ClockFigures figures;
  figures.set_state(figure(clock.state));
  figures.set_exchanges(clock.samples);
  figures.set_offset_us(microseconds(clock.offset));
  figures.set_bound_us(microseconds(clock.bound));
  figures.set_estimated_error_us(microseconds(clock.estimated_error));
  figures.set_skew_ppm(clock.skew_ppm);
  return figures;
}

}  // namespace

std::string describe(const ClockEstimate& clock) {
  char text[200];
  std::snprintf(text, sizeof text,
                "offset %+.3f ms, wrong by %.1f ms at most and probably by %.3f ms; rate %+.2f "
                "ppm; %s (%llu exchanges)",
                milliseconds(clock.offset), milliseconds(clock.bound),
                milliseconds(clock.estimated_error), clock.skew_ppm, name(clock.state),
                static_cast<unsigned long long>(clock.samples));
  return text;
}

// One loopback interface has one kernel behind it, and that one monotonic clock.
ClockWatch::ClockWatch(Session peer)
    : peer_(std::move(peer)), one_machine_(peer_.remote_address().is_loopback()) {}

bool ClockWatch::look() {
  const ClockEstimate now = peer_.clock().estimate();
  if (now.samples == 0) return false;
  latest_ = now;
  furthest_ = std::max(furthest_, std::chrono::abs(now.offset));
  if (first_) return false;
  first_ = now;
  return true;
}

void ClockWatch::describe(v1::CallReport& report) const {
  if (!first_) return;
  *report.mutable_clock_at_start() = figures(*first_);
  *report.mutable_clock_at_end() = figures(*latest_);
  if (one_machine_) report.set_clock_error_us(microseconds(furthest_));
}

}  // namespace intercom
