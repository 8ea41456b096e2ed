#include "tools/echostream/timing/clock_figure.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tools/echostream/io/microseconds.h"

namespace echostream::tool {

namespace {

constexpr const char* kOffsetColor = "#0072b2";
constexpr const char* kBoundColor = "#e69f00";
constexpr const char* kErrorColor = "#0072b2";
constexpr const char* kForwardColor = "#d55e00";
constexpr const char* kBackwardColor = "#009e73";

double microseconds(Duration time) { return static_cast<double>(time.count()) / 1e3; }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// a - b where that may not fit into a Duration, in microseconds.
double difference_us(Duration a, Duration b) {
  const long double difference =
      static_cast<long double>(a.count()) - static_cast<long double>(b.count());
  return static_cast<double>(difference / 1e3L);
}

// How much more than the usual is shown.
constexpr double kRoom = 1.6;

// The straight line through the estimates: two clocks that run at constant rates.
struct Drift {
  double at_start_us = 0;
  double us_per_s = 0;
  double operator()(double seconds) const { return at_start_us + us_per_s * seconds; }
};

class ClockPlot {
 public:
  ClockPlot(const std::vector<OffsetEstimate>& estimates, const std::vector<Exchange>& exchanges)
      : estimates_(estimates), exchanges_(exchanges) {
    find_drift();
  }

  Figure make(const std::string& title) const {
    Figure figure;
    figure.title = title.empty() ? "Offset of the remote clock" : title;
    figure.subtitle = subtitle();
    figure.x_label = "local clock since the first estimate [s]";
    figure.x_to = std::max(seconds_of(estimates_.back().at), 0.1);
    figure.panels = {offset_panel(), deviation_panel()};
    return figure;
  }

 private:
  double seconds_of(LocalTime at) const { return microseconds(at - estimates_.front().at) / 1e6; }
  double change_us(Duration offset) const {
    return difference_us(offset, estimates_.front().offset);
  }

  // Least squares; what is known better counts for more.
  void find_drift() {
    double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
    for (const OffsetEstimate& estimate : estimates_) {
      const double bound = std::max(microseconds(estimate.bound), 1.0);
      const double weight = 1 / (bound * bound);
      const double x = seconds_of(estimate.at);
      const double y = change_us(estimate.offset);
      w += weight;
      wx += weight * x;
      wy += weight * y;
      wxx += weight * x * x;
      wxy += weight * x * y;
    }
    const double determinant = w * wxx - wx * wx;
    // A single estimate, or all of them at one time, has no slope.
    constexpr double kLeast = 1e-12;
    if (determinant > kLeast * w * wxx) drift_.us_per_s = (w * wxy - wx * wy) / determinant;
    drift_.at_start_us = (wy - drift_.us_per_s * wx) / w;
  }

  Panel offset_panel() const {
    Series line{Series::Shape::kLine, "", kOffsetColor, {}, {}};
    // At the start the estimate may be far off; the bound says so.
    const double usual = kRoom * median_bound_us();
    double least = 0;
    double most = 0;
    for (const OffsetEstimate& estimate : estimates_) {
      const double change_ms = change_us(estimate.offset) / 1e3;
      line.points.push_back({seconds_of(estimate.at), change_ms});
      if (microseconds(estimate.bound) > usual) continue;
      least = std::min(least, change_ms);
      most = std::max(most, change_ms);
    }
    const double room = std::max(most - least, 0.01) * 0.08;
    return {"change of offset [ms]", least - room, most + room, 1, {std::move(line)}};
  }

  Panel deviation_panel() const {
    Series bound{Series::Shape::kBand, "hard bound", kBoundColor, {}, {}};
    Series error{Series::Shape::kBand, "estimated error", kErrorColor, {}, {}};
    Series line{Series::Shape::kLine, "offset", kOffsetColor, {}, {}};
    std::vector<double> deviations;
    for (const OffsetEstimate& estimate : estimates_) {
      const double x = seconds_of(estimate.at);
      const double y = change_us(estimate.offset) - drift_(x);
      const double around = microseconds(estimate.bound);
      const double expected = microseconds(estimate.estimated_error);
      bound.points.push_back({x, y - around});
      bound.upper.push_back(y + around);
      error.points.push_back({x, y - expected});
      error.upper.push_back(y + expected);
      line.points.push_back({x, y});
      deviations.push_back(std::abs(y));
    }
    // At the start, and while nothing is heard, the bound is so wide that the rest would be flat.
    const double range =
        rounded_up(kRoom * std::max({median_bound_us(), median(std::move(deviations)), 1e-2}));
    Panel panel{"offset less a steady drift [µs]", -range, range, 2.2, {}};
    panel.series = {std::move(bound), std::move(error)};
    if (!exchanges_.empty()) {
      panel.series.push_back(measured("request: received - sent", kForwardColor, true));
      panel.series.push_back(measured("reply: sent - received", kBackwardColor, false));
    }
    panel.series.push_back(std::move(line));
    return panel;
  }

  // What each packet says of the offset: a request at most that much, a reply at least.
  Series measured(const char* label, const char* color, bool is_request) const {
    Series series{Series::Shape::kDots, label, color, {}, {}};
    for (const Exchange& exchange : exchanges_) {
      const LocalTime at = is_request ? exchange.request_sent : exchange.reply_received;
      const Duration remote =
          (is_request ? exchange.request_received : exchange.reply_sent).time_since_epoch();
      const double x = seconds_of(at);
      // Both are within kFarthestStamp, so that their difference is a Duration.
      const double y = change_us(remote - at.time_since_epoch()) - drift_(x);
      if (x >= 0) series.points.push_back({x, y});
    }
    return series;
  }

  double median_bound_us() const {
    std::vector<double> bounds;
    for (const OffsetEstimate& estimate : estimates_)
      bounds.push_back(microseconds(estimate.bound));
    return median(std::move(bounds));
  }

  std::string subtitle() const {
    std::vector<double> errors;
    for (const OffsetEstimate& estimate : estimates_) {
      errors.push_back(microseconds(estimate.estimated_error));
    }
    std::string text = "offset at first " + fixed(to_milliseconds(estimates_.front().offset), 3) +
                       " ms, drift " + fixed(drift_.us_per_s, 2) + " ppm; medians: bound " +
                       fixed(median_bound_us(), 1) + " µs, estimated error " +
                       fixed(median(std::move(errors)), 1) + " µs";
    if (!exchanges_.empty()) text += "; " + std::to_string(exchanges_.size()) + " exchanges";
    return text;
  }

  const std::vector<OffsetEstimate>& estimates_;
  const std::vector<Exchange>& exchanges_;
  Drift drift_;
};

}  // namespace

Figure make_clock_figure(const std::vector<OffsetEstimate>& estimates,
                         const std::vector<Exchange>& exchanges, const std::string& title) {
  return ClockPlot(estimates, exchanges).make(title);
}

}  // namespace echostream::tool
