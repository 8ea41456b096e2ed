#include "tools/echostream/timing/delay_figure.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "tools/echostream/io/microseconds.h"
#include "tools/echostream/timing/playout_summary.h"

namespace echostream::tool {

namespace {

// Colours that stay apart for people who do not see all of them (Okabe and Ito).
constexpr const char* kNetworkColor = "#0072b2";
constexpr const char* kPlayoutColor = "#e69f00";
constexpr const char* kLateColor = "#d55e00";
constexpr const char* kLostColor = "#222222";
constexpr const char* kConcealedColor = "#cc3377";
constexpr const char* kDroppedColor = "#009e73";

// Below zero, where lost frames are marked, as a part of what is above.
constexpr double kMargin = 0.06;
constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();
// From where on a pause between captures is a pause of the sender's, as in the summary's source.
constexpr double kPauseInFrames = 2.5;

struct DelaySeries {
  Series network{Series::Shape::kDots, "network delay", kNetworkColor, {}, {}};
  Series playout{Series::Shape::kLine, "playout delay", kPlayoutColor, {}, {}};
  Series late{Series::Shape::kTriangles, "late", kLateColor, {}, {}};
  Series dropped{Series::Shape::kTriangles, "dropped", kDroppedColor, {}, {}};
  Series lost{Series::Shape::kCrosses, "lost", kLostColor, {}, {}};
  Series concealed{Series::Shape::kImpulses, "concealed before a frame", kConcealedColor, {}, {}};
};

class DelayPlot {
 public:
  DelayPlot(const Trace& trace, const std::vector<Decision>& decisions)
      : trace_(trace), decisions_(decisions) {
    find_least();
    add_network();
    add_decisions();
    std::erase_if(series_.concealed.points, [](const Point& point) { return point.y <= 0; });
  }

  Figure take(const std::string& title) && {
    Figure figure;
    figure.title = title.empty() ? "Network delay and playout" : title;
    figure.subtitle = subtitle();
    figure.x_label = "captured at [s]";
    figure.x_to = std::max(seconds_of(trace_.frames.size() - 1), 1e-3);
    const double highest = delay_range();
    for (Point& point : series_.lost.points) point.y = -highest * kMargin / 2;
    Panel delays{"delay above the least [ms]", -highest * kMargin, highest, 3, {}};
    double longest = 0;
    for (const Point& point : series_.concealed.points) longest = std::max(longest, point.y);
    Panel fillers{"concealed [ms]", 0, longest > 0 ? rounded_up(longest) : 10, 1, {}};

    delays.series.push_back(std::move(series_.network));
    delays.series.push_back(std::move(series_.playout));
    for (Series* marks : {&series_.late, &series_.dropped, &series_.lost}) {
      if (!marks->points.empty()) delays.series.push_back(std::move(*marks));
    }
    fillers.series.push_back(std::move(series_.concealed));
    figure.panels = {std::move(delays), std::move(fillers)};
    return figure;
  }

 private:
  double seconds_of(std::size_t frame) const {
    return to_milliseconds(trace_.frames[frame].sent - trace_.frames.front().sent) / 1000;
  }
  double delay_of(std::size_t frame, Duration time) const {
    return trace_.delay_ms(frame, time) - least_ms_;
  }

  void find_least() {
    for (std::size_t i = 0; i < trace_.frames.size(); ++i) {
      const auto& arrived = trace_.frames[i].arrived;
      if (arrived) least_ms_ = std::min(least_ms_, trace_.delay_ms(i, *arrived));
    }
  }

  void add_network() {
    for (std::size_t i = 0; i < trace_.frames.size(); ++i) {
      const auto& arrived = trace_.frames[i].arrived;
      if (arrived) series_.network.points.push_back({seconds_of(i), delay_of(i, *arrived)});
    }
  }

  void add_decisions() {
    const double pause_s = kPauseInFrames * to_milliseconds(trace_.frame_interval()) / 1000;
    for (const Decision& decision : decisions_) {
      const double x = seconds_of(decision.frame);
      const double filled = decision.duration ? to_milliseconds(*decision.duration) : 0;
      switch (decision.state) {
        case Decision::State::kPlayed: {
          auto& line = series_.playout.points;
          if (!line.empty() && x - line.back().x > pause_s) line.push_back({x, kNoNumber});
          line.push_back({x, delay_of(decision.frame, *decision.at)});
          break;
        }
        case Decision::State::kLate:
          series_.late.points.push_back(arrival_of(decision));
          break;
        case Decision::State::kDropped:
          series_.dropped.points.push_back(arrival_of(decision));
          break;
        case Decision::State::kLost:
          series_.lost.points.push_back({x, 0});
          break;
        case Decision::State::kConcealed:
          break;
      }
      if (decision.state != Decision::State::kPlayed) add_filler(x, filled);
    }
  }

  Point arrival_of(const Decision& decision) const {
    const auto& arrived = trace_.frames[decision.frame].arrived;
    return {seconds_of(decision.frame), arrived ? delay_of(decision.frame, *arrived) : 0};
  }

  // Filler before one frame is one bar.
  void add_filler(double x, double filled_ms) {
    auto& bars = series_.concealed.points;
    if (!bars.empty() && bars.back().x == x) {
      bars.back().y += filled_ms;
    } else {
      bars.push_back({x, filled_ms});
    }
  }

  // All of the playout delay is shown, and of the network's as much as does not make it flat:
  // frames that are later still are put on the upper edge.
  double delay_range() const {
    std::vector<double> network;
    for (const Point& point : series_.network.points) network.push_back(point.y);
    double playout = 0;
    for (const Point& point : series_.playout.points) {
      if (point.y > playout) playout = point.y;
    }
    double most = playout;
    if (!network.empty()) {
      const auto nth =
          network.begin() + static_cast<std::ptrdiff_t>((network.size() - 1) * 995 / 1000);
      std::nth_element(network.begin(), nth, network.end());
      most = std::max(most, *nth);
      const double all = *std::max_element(network.begin(), network.end());
      constexpr double kNearly = 1.5;
      if (all < kNearly * most) most = std::max(most, all);
    }
    return rounded_up(1.05 * std::max(most, 1e-3));
  }

  std::string subtitle() const {
    const PlayoutSummary summary = summarize(trace_, decisions_);
    return std::to_string(summary.frames) + " frames, " + std::to_string(summary.late) + " late, " +
           std::to_string(summary.lost) + " lost, " + std::to_string(summary.dropped) +
           " dropped; delay " + fixed(summary.mean_delay_ms, 1) + " ms mean, " +
           fixed(summary.p95_delay_ms, 1) + " ms for 95 %; " + fixed(summary.concealed_percent, 2) +
           " % concealed";
  }

  const Trace& trace_;
  const std::vector<Decision>& decisions_;
  DelaySeries series_;
  // The first that came has delay 0.
  double least_ms_ = 0;
};

}  // namespace

Figure make_delay_figure(const Trace& trace, const std::vector<Decision>& decisions,
                         const std::string& title) {
  return DelayPlot(trace, decisions).take(title);
}

}  // namespace echostream::tool
