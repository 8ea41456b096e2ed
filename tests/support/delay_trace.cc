#include "tests/support/delay_trace.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "runtime/sim/random.h"

namespace echostream::testing {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

Duration from_seconds(double value) { return Duration(std::llround(value * 1e9)); }

/// Each property of the trace draws from a stream of its own: changing one leaves the others as
/// they were.
enum class Draw : std::uint64_t {
  kCapture = 1,
  kJitter,
  kDetour,
  kLoss,
  kDuplicate,
  kHold,
  kScan,
  kCapacity,
  kTalk,
};

class Draws {
 public:
  Draws(std::uint64_t seed, Draw property) : random_(seed, static_cast<std::uint64_t>(property)) {}

  double unit() { return random_.unit(); }
  bool chance(double probability) { return random_.chance(probability); }
  double exponential(double mean) { return -mean * std::log(1 - random_.unit()); }
  /// Shape 2.
  double gamma(double mean) { return exponential(mean / 2) + exponential(mean / 2); }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - random_.unit()));
    return radius * std::cos(2 * std::numbers::pi * random_.unit());
  }

 private:
  Random random_;
};

std::vector<double> capture_times(const DelayTraceOptions& options, std::uint64_t seed) {
  Draws jitter(seed, Draw::kCapture);
  Draws talk(seed, Draw::kTalk);
  const double interval = in_seconds(options.interval);
  std::vector<double> times;
  double time = 0;
  double talk_left = talk.exponential(in_seconds(options.talk));
  while (times.size() < options.frames) {
    const double deviation = in_seconds(options.capture_jitter) * (2 * jitter.unit() - 1);
    times.push_back(std::max(times.empty() ? 0 : times.back() + interval / 10, time + deviation));
    time += interval;
    talk_left -= interval;
    if (options.silence > Duration::zero() && talk_left < 0) {
      // At least as long as it takes to be noticed: some frames.
      time += 5 * interval + talk.exponential(in_seconds(options.silence));
      talk_left = talk.exponential(in_seconds(options.talk));
    }
  }
  return times;
}

struct Hold {
  double from = 0;
  double until = 0;
};

std::vector<Hold> holds_of(const DelayTraceOptions& options, std::uint64_t seed, double end) {
  Draws draws(seed, Draw::kHold);
  std::vector<Hold> holds;
  if (options.holds_per_second > 0) {
    double time = 0;
    while ((time += draws.exponential(1 / options.holds_per_second)) < end) {
      const double length = in_seconds(options.hold) * std::exp(0.6 * draws.normal());
      holds.push_back({time, time + std::min(length, 0.4)});
    }
  }
  if (options.scan_period > Duration::zero()) {
    const double period = in_seconds(options.scan_period);
    for (double time = period; time < end; time += period) {
      holds.push_back({time, time + in_seconds(options.scan) * (0.5 + draws.unit())});
    }
  }
  std::sort(holds.begin(), holds.end(), [](Hold a, Hold b) { return a.from < b.from; });
  return holds;
}

double after_holds(double time, const std::vector<Hold>& holds) {
  for (const Hold& hold : holds) {
    if (hold.from > time) break;
    time = std::max(time, hold.until);
  }
  return time;
}

/// What the route adds to the least delay at that time.
class Route {
 public:
  Route(const DelayTraceOptions& options, std::uint64_t seed)
      : options_(options), draws_(seed, Draw::kScan) {}

  double extra_at(double time) {
    double extra = 0;
    for (const auto& step : options_.route_steps) {
      if (time >= in_seconds(step.at)) extra += in_seconds(step.length);
    }
    if (options_.scan_steps > Duration::zero() && options_.scan_period > Duration::zero()) {
      const auto period = static_cast<std::int64_t>(time / in_seconds(options_.scan_period));
      if (period != period_) drawn_ = in_seconds(options_.scan_steps) * draws_.unit();
      period_ = period;
      extra += drawn_;
    }
    return extra;
  }

 private:
  const DelayTraceOptions& options_;
  Draws draws_;
  std::int64_t period_ = 0;
  double drawn_ = 0;
};

/// The bottleneck: frames leave it one by one, at a pace that wanders.
class Bottleneck {
 public:
  Bottleneck(const DelayTraceOptions& options, std::uint64_t seed)
      : mean_(std::log(std::max(options.capacity, 1e-9))),
        wander_(options.capacity_wander),
        is_used_(options.capacity > 0),
        log_rate_(mean_),
        draws_(seed, Draw::kCapacity) {}

  double leaves(double enters) {
    if (!is_used_) return enters;
    double time = std::max(enters, free_);
    auto step = static_cast<std::int64_t>(time / kStep);
    // One rate for each 10 ms, drawn towards the mean within some seconds.
    for (double work = 1; work > 0; ++step) {
      advance_to(step);
      const double rate = std::exp(log_rate_);
      const double step_end = static_cast<double>(step + 1) * kStep;
      const double done = std::min(work, rate * std::max(step_end - time, 0.0));
      time += done / rate;
      if (done < work) time = step_end;
      work -= done;
    }
    free_ = time;
    return free_;
  }

 private:
  static constexpr double kStep = 0.01;

  void advance_to(std::int64_t step) {
    for (; step_ < step; ++step_) {
      log_rate_ += (mean_ - log_rate_) * kStep / 3 + wander_ * std::sqrt(kStep) * draws_.normal();
    }
  }

  double mean_;
  double wander_;
  bool is_used_;
  double log_rate_;
  Draws draws_;
  std::int64_t step_ = 0;
  double free_ = 0;
};

/// Runs of lost frames, Gilbert's model.
class Loss {
 public:
  Loss(const DelayTraceOptions& options, std::uint64_t seed)
      : options_(options), draws_(seed, Draw::kLoss) {}

  bool loses(double time) {
    const double run = std::max(options_.mean_loss_run, 1.0);
    const double start = options_.loss / run / std::max(1 - options_.loss, 1e-9);
    is_losing_ = is_losing_ ? draws_.chance(1 - 1 / run) : draws_.chance(start);
    bool lost = is_losing_;
    for (const auto& outage : options_.outages) {
      const double from = in_seconds(outage.at);
      lost |= time >= from && time < from + in_seconds(outage.length);
    }
    return lost;
  }

 private:
  const DelayTraceOptions& options_;
  Draws draws_;
  bool is_losing_ = false;
};

}  // namespace

std::vector<TracedFrame> make_delay_trace(const DelayTraceOptions& options, std::uint64_t seed) {
  const std::vector<double> captures = capture_times(options, seed);
  const std::vector<Hold> holds = holds_of(options, seed, captures.back() + 1);
  Draws jitter(seed, Draw::kJitter);
  Draws detours(seed, Draw::kDetour);
  Draws duplicates(seed, Draw::kDuplicate);
  Route route(options, seed);
  Bottleneck bottleneck(options, seed);
  Loss loss(options, seed);
  // Neither clock begins at zero.
  const LocalTime local_start{seconds(1'000)};
  const RemoteTime remote_start{seconds(777)};

  std::vector<TracedFrame> trace;
  double last_arrival = 0;
  for (std::size_t i = 0; i < captures.size(); ++i) {
    const double capture = captures[i];
    double arrival = bottleneck.leaves(capture) + in_seconds(options.least_delay) +
                     route.extra_at(capture) + jitter.gamma(in_seconds(options.jitter));
    arrival = after_holds(arrival, holds);
    if (detours.chance(options.detours)) {
      arrival += in_seconds(options.detour) * (0.5 + detours.unit());
    } else {
      arrival = std::max(arrival, last_arrival + 50e-6);
      last_arrival = arrival;
    }
    TracedFrame frame;
    frame.sequence = i;
    frame.capture = remote_start + from_seconds(capture * (1 - options.skew_ppm * 1e-6));
    if (!loss.loses(capture)) {
      frame.arrived = local_start + from_seconds(arrival);
      if (duplicates.chance(options.duplicates)) {
        frame.copy = *frame.arrived + from_seconds(0.001 + 0.04 * duplicates.unit());
      }
    }
    trace.push_back(frame);
  }
  return trace;
}

std::vector<NamedDelayTrace> usual_networks() {
  std::vector<NamedDelayTrace> networks;
  const auto add = [&networks](const char* name) -> DelayTraceOptions& {
    return networks.emplace_back(NamedDelayTrace{name, {}}).options;
  };
  DelayTraceOptions& ethernet = add("Ethernet");
  ethernet.least_delay = microseconds(300);
  ethernet.jitter = microseconds(400);
  ethernet.holds_per_second = 0.02;
  ethernet.hold = milliseconds(8);
  DelayTraceOptions& sensor = add("Sensor");
  sensor.interval = milliseconds(10);
  sensor.frames = 6'000;
  sensor.capture_jitter = milliseconds(1);
  sensor.least_delay = microseconds(500);
  sensor.jitter = microseconds(200);
  sensor.holds_per_second = 0.1;
  sensor.hold = milliseconds(5);
  DelayTraceOptions& wifi = add("Wifi");
  wifi.jitter = milliseconds(4);
  wifi.holds_per_second = 0.4;
  wifi.hold = milliseconds(40);
  wifi.scan_period = seconds(30);
  wifi.scan = milliseconds(170);
  wifi.loss = 0.002;
  DelayTraceOptions& internet = add("Internet");
  internet.least_delay = milliseconds(45);
  internet.jitter = milliseconds(9);
  internet.loss = 0.01;
  internet.mean_loss_run = 2;
  internet.duplicates = 0.01;
  internet.skew_ppm = 40;
  DelayTraceOptions& detours = add("Detours");
  detours.jitter = milliseconds(3);
  detours.detours = 0.05;
  detours.detour = milliseconds(50);
  DelayTraceOptions& lte = add("Lte");
  lte.jitter = milliseconds(4);
  lte.capacity = 400;
  lte.capacity_wander = 1.1;
  DelayTraceOptions& satellite = add("Satellite");
  satellite.jitter = milliseconds(4);
  satellite.scan_period = seconds(15);
  satellite.scan = milliseconds(90);
  satellite.scan_steps = milliseconds(25);
  satellite.loss = 0.003;
  DelayTraceOptions& silences = add("Silences");
  silences.jitter = milliseconds(12);
  silences.talk = milliseconds(1'200);
  silences.silence = milliseconds(1'500);
  DelayTraceOptions& video = add("Video");
  video.interval = microseconds(33'333);
  video.jitter = milliseconds(8);
  video.holds_per_second = 0.3;
  video.hold = milliseconds(35);
  video.loss = 0.01;
  return networks;
}

}  // namespace echostream::testing
