#include "report.h"

#include <algorithm>
#include <cstdio>
#include <functional>

namespace lipsync {

using echostream::Duration;

namespace {

std::string text_of(const char* format, double number) {
  char text[40];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

std::string ms(Duration duration) {
  return text_of("%.1f ms", static_cast<double>(duration.count()) / 1e6);
}

std::string ms(const std::optional<Spread>& spread, Duration Spread::*part) {
  return spread ? ms((*spread).*part) : "-";
}

std::string with_share(std::uint64_t count, std::uint64_t of) {
  const double share = of == 0 ? 0.0 : 100.0 * static_cast<double>(count) / static_cast<double>(of);
  return std::to_string(count) + text_of(" (%.1f %%)", share);
}

TrackFigures figures_of(const Track& track) {
  TrackFigures figures;
  figures.played = track.log.played();
  figures.lost = track.buffer.frames_lost;
  figures.late = track.buffer.frames_late;
  figures.dropped = track.buffer.frames_dropped;
  figures.concealed = track.buffer.concealed;
  figures.concealment_events = track.buffer.concealment_events;
  std::vector<Duration> latencies;
  std::vector<Duration> playout_delays;
  std::vector<Duration> overdue;
  for (const PlayedFrame& frame : track.log.frames()) {
    playout_delays.push_back(frame.playout_at - frame.captured_at);
    overdue.push_back(frame.handed_out_at - frame.playout_at);
    if (!frame.latency) continue;
    latencies.push_back(frame.latency->value);
    figures.latency_bound = frame.latency->bound;
  }
  figures.latency = spread_of(std::move(latencies));
  figures.playout_delay = spread_of(std::move(playout_delays));
  figures.overdue = spread_of(std::move(overdue));
  if (track.buffer.frames_emitted > 0) {
    figures.target_delay =
        track.buffer.target_delay_sum / static_cast<Duration::rep>(track.buffer.frames_emitted);
  }
  return figures;
}

/// Builds the table: a title, and what each viewing says to it.
class Table {
 public:
  explicit Table(const std::vector<ViewingFigures>& viewings) : viewings_(viewings) {}

  void row(const std::string& title,
           const std::function<std::string(const ViewingFigures&)>& value) {
    char cell[80];
    std::snprintf(cell, sizeof cell, "  %-38.38s", title.c_str());
    text_ += cell;
    for (const ViewingFigures& viewing : viewings_) {
      std::snprintf(cell, sizeof cell, " %18.18s", value(viewing).c_str());
      text_ += cell;
    }
    text_ += '\n';
  }

  void track(const std::string& name, TrackFigures ViewingFigures::*track) {
    const auto add = [&](const std::string& title,
                         const std::function<std::string(const TrackFigures&)>& value) {
      row(title, [&](const ViewingFigures& viewing) { return value(viewing.*track); });
    };
    add(name + ": frames played", [](const auto& of) { return std::to_string(of.played); });
    add("  did not come", [](const auto& of) {
      return with_share(of.lost, of.played + of.lost + of.late + of.dropped);
    });
    add("  late, dropped",
        [](const auto& of) { return std::to_string(of.late) + ", " + std::to_string(of.dropped); });
    add("  gaps, and how long all of them", [](const auto& of) {
      return std::to_string(of.concealment_events) + ", " + ms(of.concealed);
    });
    add("  one-way latency, median",
        [](const auto& of) { return ms(of.latency, &Spread::median); });
    add("    95 of 100 within", [](const auto& of) { return ms(of.latency, &Spread::p95); });
    add("    bound of its error",
        [](const auto& of) { return of.latency ? "+- " + ms(of.latency_bound) : "-"; });
    add("  jitter buffer's target, mean", [](const auto& of) { return ms(of.target_delay); });
    add("  from capture to playout, median",
        [](const auto& of) { return ms(of.playout_delay, &Spread::median); });
    add("  handed out late by, 99 of 100 within",
        [](const auto& of) { return ms(of.overdue, &Spread::p99); });
  }

  const std::string& text() const noexcept { return text_; }

 private:
  const std::vector<ViewingFigures>& viewings_;
  std::string text_;
};

void add_sync_rows(Table& table) {
  table.row("common delay", [](const auto& of) { return of.group ? ms(of.group->delay) : "-"; });
  table.row("  the group's own skew p95, p99", [](const auto& of) {
    return of.group ? ms(of.group->skew_p95) + ", " + ms(of.group->skew_p99) : "-";
  });
  table.row("skew of pictures as shown, median",
            [](const auto& of) { return ms(of.skew, &Spread::median); });
  table.row("  p95", [](const auto& of) { return ms(of.skew, &Spread::p95); });
  table.row("  p99", [](const auto& of) { return ms(of.skew, &Spread::p99); });
  table.row("  most", [](const auto& of) { return ms(of.skew, &Spread::most); });
  table.row("picture behind sound, by the stamps",
            [](const auto& of) { return of.skew ? ms(of.median_skew) : "-"; });
  table.row("  seen and heard (lip sync)", [](const auto& of) {
    return of.lip_sync ? text_of("%+.1f ms", of.lip_sync->picture_behind_ms) : "-";
  });
  table.row("  correlation of mouth and voice", [](const auto& of) {
    return of.lip_sync ? text_of("%.3f", of.lip_sync->correlation) : "-";
  });
}

}  // namespace

std::optional<Spread> spread_of(std::vector<Duration> times) {
  if (times.empty()) return std::nullopt;
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
  };
  return Spread{at(0.5), at(0.95), at(0.99), times.back()};
}

ViewingFigures figures_of(const Viewing& viewing) {
  ViewingFigures figures;
  figures.title = viewing.options().in_sync_group ? "one sync group" : "each by itself";
  figures.voice = figures_of(viewing.voice());
  figures.video = figures_of(viewing.video());
  figures.group = viewing.group();
  std::vector<Duration> signed_skews;
  std::vector<Duration> distances;
  for (const auto& skew : viewing.skews()) {
    if (!skew) continue;
    signed_skews.push_back(*skew);
    distances.push_back(std::chrono::abs(*skew));
  }
  if (const auto spread = spread_of(std::move(signed_skews))) figures.median_skew = spread->median;
  figures.skew = spread_of(std::move(distances));
  figures.lip_sync = viewing.lip_sync();
  return figures;
}

std::string report_table(const std::vector<ViewingFigures>& viewings,
                         const echostream::ClockEstimate& clock) {
  Table table(viewings);
  table.row("", [](const auto& of) { return of.title; });
  table.track("voice", &ViewingFigures::voice);
  table.track("pictures", &ViewingFigures::video);
  add_sync_rows(table);
  const double offset_ms = static_cast<double>(clock.offset.count()) / 1e6;
  return "\n" + table.text() +
         "\n  The stage's clock minus the seat's: " + text_of("%+.3f ms", offset_ms) + ", within " +
         ms(clock.bound) + " whatever the network does; expected error " +
         ms(clock.estimated_error) +
         ".\n  On one machine the truth is 0: all programs read one clock.\n";
}

}  // namespace lipsync
