#include "runtime/transport/delivery_rate.h"

#include <algorithm>
#include <cmath>

namespace echostream::transport {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
constexpr double kMeterSeconds = 0.5;

}  // namespace

void RateMeter::add(LocalTime now, std::uint64_t bytes) {
  rate_ = bytes_per_s(now) + static_cast<double>(bytes) / kMeterSeconds;
  at_ = std::max(at_, now);
}

double RateMeter::bytes_per_s(LocalTime now) const {
  return now <= at_ ? rate_ : rate_ * std::exp(-seconds(now - at_) / kMeterSeconds);
}

void DeliveryRate::reset() { *this = DeliveryRate(); }

std::uint64_t DeliveryRate::recent_bytes_per_s(LocalTime now) const {
  if (begun_ == kNever) return 0;
  const auto bytes = static_cast<double>(acknowledged_.between(now - window_, now));
  return static_cast<std::uint64_t>(bytes / seconds(window_));
}

std::uint64_t DeliveryRate::bytes_per_s(LocalTime now) const {
  if (begun_ == kNever || now - begun_ < window_) return 0;
  // A silence that is longer than the memory leaves the last that was known.
  return static_cast<std::uint64_t>(std::max(most_, most_before_));
}

void DeliveryRate::on_acknowledged(LocalTime now, std::uint64_t bytes, Duration rtt,
                                   bool is_app_limited) {
  if (begun_ == kNever) begun_ = half_begun_ = now;
  acknowledged_.add(now, bytes);
  window_ = std::clamp(2 * rtt, kLeastWindow, kMostWindow);
  if (is_app_limited) app_limited_at_ = now;
  if (now - begun_ < window_) return;
  const auto sample = static_cast<double>(recent_bytes_per_s(now));
  if (app_limited_at_ <= now - window_) {
    // The path was what limited all of the window: no more passes than this.
    most_ = sample;
    most_before_ = 0;
    half_begun_ = now;
    return;
  }
  if (now - half_begun_ >= kMemory / 2) {
    most_before_ = most_;
    most_ = 0;
    half_begun_ = now;
  }
  most_ = std::max(most_, sample);
}

}  // namespace echostream::transport
