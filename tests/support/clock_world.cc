#include "tests/support/clock_world.h"

#include <algorithm>
#include <cmath>

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::testing {

using timing::count_of;
using timing::wrapping_difference;
using timing::wrapping_sum;
using Path = ClockWorldOptions::Path;

ClockWorld::ClockWorld(std::uint64_t seed, const ClockWorldOptions& options)
    : options_(options), random_(seed) {
  local_ = make_clock();
  remote_ = make_clock();
  double at = 0;
  for (int i = 0; i < 20; ++i, at += 0.05) exchange(at);
  for (; at < options_.seconds; at += uniform(0.75, 1.25) / options_.rate) exchange(at);
  std::stable_sort(exchanges_.begin(), exchanges_.end(),
                   [](const Exchange& a, const Exchange& b) { return a.answered < b.answered; });
}

double ClockWorld::uniform(double least, double most) {
  return least + (most - least) * static_cast<double>(random_() >> 11) * 0x1p-53;
}

double ClockWorld::exponential(double mean) { return -mean * std::log(1 - uniform(0, 1)); }

ClockWorld::Clock ClockWorld::make_clock() {
  Clock clock;
  // Up to 2^62 either way, so that differences wrap around.
  clock.epoch = static_cast<std::int64_t>(random_() >> 1) - (std::int64_t{1} << 62);
  double rate = uniform(-options_.skew_ppm, options_.skew_ppm);
  const double heated_at = uniform(0.3, 0.5) * options_.seconds;
  const double heating = options_.heating_ppm * (random_() % 2 == 0 ? 1 : -1);
  double error = 0;
  for (double at = 0; at < options_.seconds + 60; at += 0.1) {
    clock.error_us.push_back(error);
    // A sum of three uniform numbers is normal enough for a random walk's step.
    const double step = uniform(-1, 1) + uniform(-1, 1) + uniform(-1, 1);
    rate += step * options_.wander * std::sqrt(0.1);
    const double warmed = at < heated_at ? 0 : heating * (1 - std::exp(-(at - heated_at) / 40));
    error += 0.1 * (rate + warmed);
  }
  return clock;
}

double ClockWorld::error_us(const Clock& clock, double seconds) const {
  const double place = std::max(seconds, 0.0) * 10;
  const auto index = std::min(static_cast<std::size_t>(place), clock.error_us.size() - 2);
  const double part = place - static_cast<double>(index);
  double error = clock.error_us[index] * (1 - part) + clock.error_us[index + 1] * part;
  if (&clock == &remote_ && seconds >= options_.seconds / 2) error += options_.jump_us;
  return error;
}

std::int64_t ClockWorld::reading(const Clock& clock, double seconds) const {
  return wrapping_sum(clock.epoch, std::llround((seconds * 1e6 + error_us(clock, seconds)) * 1e3));
}

LocalTime ClockWorld::local(double seconds) const {
  return LocalTime(Duration(reading(local_, seconds)));
}

RemoteTime ClockWorld::remote(double seconds) const {
  return RemoteTime(Duration(reading(remote_, seconds)));
}

double ClockWorld::delay_us(double seconds, bool there) {
  double delay = 0;
  switch (options_.path) {
    case Path::kLan:
      delay = 90 + exponential(15) + (uniform(0, 1) < 0.01 ? uniform(200, 2000) : 0);
      break;
    case Path::kWifi:
      delay =
          1300 + exponential(there ? 800 : 1400) + (uniform(0, 1) < 0.05 ? exponential(3e4) : 0);
      break;
    case Path::kWan:
      delay = 25000 + exponential(150) + exponential(150) +
              (uniform(0, 1) < 0.01 ? exponential(8000) : 0);
      break;
    case Path::kUniform:
      delay = 9000 + uniform(0, 3000);
      break;
    case Path::kAsymmetric:
      delay = (there ? 12000 : 17000) + exponential(300);
      break;
  }
  if (there && seconds > options_.seconds / 3 && seconds < options_.seconds * 2 / 3)
    delay += options_.delay_step_us;
  if (seconds > options_.seconds / 2) delay += options_.delay_change_us;
  return delay;
}

void ClockWorld::exchange(double seconds) {
  if (uniform(0, 1) < options_.loss) return;
  if (seconds > options_.outage_from && seconds < options_.outage_to) return;
  // Stamps of packets that leave are taken a little early, of those that come a little late.
  const double sent = seconds - exponential(4) * 1e-6;
  const double arrived = seconds + delay_us(seconds, true) * 1e-6;
  const double replied = arrived + 30e-6;
  const double back = replied + delay_us(seconds, false) * 1e-6;
  exchanges_.push_back({local(sent), remote(arrived + exponential(4) * 1e-6),
                        remote(replied - exponential(4) * 1e-6),
                        local(back + exponential(4) * 1e-6)});
}

double error_us(const ClockWorld& world, const timing::PeerClock& clock, double seconds) {
  const auto estimate = clock.estimate(world.local(seconds));
  const std::int64_t truth =
      wrapping_difference(count_of(world.remote(seconds)), count_of(world.local(seconds)));
  return static_cast<double>(wrapping_difference(estimate.offset.count(), truth)) * 1e-3;
}

double ClockScore::percentile(double part) const {
  if (errors_us.empty()) return INFINITY;
  const auto rank = static_cast<std::size_t>(part * static_cast<double>(errors_us.size()));
  return errors_us[std::min(rank, errors_us.size() - 1)];
}

ClockScore score_clock(const ClockWorld& world, timing::PeerClock& clock, double seconds) {
  ClockScore score;
  std::vector<double> bounds;
  std::vector<bool> good;
  RemoteTime previous{};
  auto next = world.exchanges().begin();
  for (double at = 0.1; at < seconds; at += 0.1) {
    const LocalTime now = world.local(at);
    for (; next != world.exchanges().end() && next->answered <= now; ++next) {
      clock.add_forward(next->sent, next->received);
      clock.add_backward(next->replied, next->answered);
    }
    if (!clock.is_known()) continue;
    const auto estimate = clock.estimate(now);
    const double error = std::abs(error_us(world, clock, at));
    const RemoteTime shown = clock.to_remote(now);
    if (score.looks++ > 0 && wrapping_difference(count_of(shown), count_of(previous)) < 0)
      ++score.backwards;
    previous = shown;
    score.outside_bound += error * 1e3 > static_cast<double>(estimate.bound.count());
    good.push_back(error < 100);
    if (at < 10) continue;
    score.outside_estimate += error * 1e3 > static_cast<double>(estimate.estimated_error.count());
    score.errors_us.push_back(error);
    bounds.push_back(static_cast<double>(estimate.bound.count()) * 1e-3);
  }
  constexpr std::ptrdiff_t kLooks = 150;
  for (auto from = good.begin(); good.end() - from >= kLooks; ++from) {
    if (!*from || std::count(from, from + kLooks, true) < kLooks * 95 / 100) continue;
    score.settled_after = static_cast<double>(from - good.begin() + 1) * 0.1;
    break;
  }
  std::sort(score.errors_us.begin(), score.errors_us.end());
  std::sort(bounds.begin(), bounds.end());
  if (!bounds.empty()) score.median_bound_us = bounds[bounds.size() / 2];
  return score;
}

}  // namespace echostream::testing
