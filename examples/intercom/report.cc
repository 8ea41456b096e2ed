#include "report.h"

#include <cstdint>
#include <cstdio>

namespace intercom {
namespace {

std::string text_of(const char* format, double number) {
  char text[40];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

std::string milliseconds(std::int64_t microseconds) {
  return text_of("%.1f ms", static_cast<double>(microseconds) / 1e3);
}

std::string fine_milliseconds(std::int64_t microseconds) {
  return text_of("%.3f ms", static_cast<double>(microseconds) / 1e3);
}

std::string with_share(std::string part, double share) {
  return part + text_of(" (%.1f %%)", 100 * share);
}

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

std::string row(const std::string& title, const std::string& left, const std::string& right) {
  char line[160];
  std::snprintf(line, sizeof line, "  %-30.30s %22.22s %22.22s\n", title.c_str(), left.c_str(),
                right.c_str());
  return line;
}

std::string count(std::uint64_t number) { return std::to_string(number); }

const char* state_of(const v1::ClockFigures& clock) {
  switch (clock.state()) {
    case v1::ClockFigures::ACQUIRING:
      return "acquiring";
    case v1::ClockFigures::TRACKING:
      return "tracking";
    case v1::ClockFigures::HOLDOVER:
      return "holdover";
    case v1::ClockFigures::PATH_CHANGED:
      return "path changed";
    case v1::ClockFigures::UNRELIABLE:
      return "unreliable";
    default:
      return "unknown";
  }
}

/// One column for each of the two who listened.
class Table {
 public:
  Table(const v1::CallReport& left, const v1::CallReport& right) : left_(left), right_(right) {}

  /// `text_of` makes the cell of a report, and of that of the station that was heard.
  template <class F>
  void row(const std::string& title, F text_of) {
    text_ += intercom::row(title, text_of(left_, right_), text_of(right_, left_));
  }
  void time(const std::string& title, std::int64_t (v1::CallReport::*microseconds)() const) {
    row(title, [&](const v1::CallReport& heard, const v1::CallReport&) {
      return milliseconds((heard.*microseconds)());
    });
  }
  void frames(const std::string& title, std::uint64_t (v1::CallReport::*number)() const) {
    row(title, [&](const v1::CallReport& heard, const v1::CallReport& sent) {
      const auto frames = (heard.*number)();
      return with_share(count(frames), ratio(static_cast<double>(frames),
                                             static_cast<double>(sent.frames_sent())));
    });
  }
  void clock(const std::string& title, std::string (*text_of)(const v1::ClockFigures&)) {
    row(title, [&](const v1::CallReport& heard, const v1::CallReport&) {
      return heard.has_clock_at_end() ? text_of(heard.clock_at_end()) : std::string("not known");
    });
  }
  void line(const std::string& text) { text_ += text + '\n'; }

  const std::string& text() const { return text_; }

 private:
  const v1::CallReport& left_;
  const v1::CallReport& right_;
  std::string text_;
};

void add_voice(Table& table) {
  using Report = v1::CallReport;
  table.row("voice", [](const Report& heard, const Report& sent) {
    return sent.station().substr(0, 9) + " -> " + heard.station().substr(0, 9);
  });
  table.row("frames sent",
            [](const Report&, const Report& sent) { return count(sent.frames_sent()); });
  table.row("frames received",
            [](const Report& heard, const Report&) { return count(heard.frames_received()); });
  table.frames("  lost on the way", &Report::frames_lost);
  table.frames("  late for their playout", &Report::frames_late);
  table.frames("  left out to catch up", &Report::frames_dropped);
  table.time("network, one way: least", &Report::least_delay_us);
  table.time("  median", &Report::median_delay_us);
  table.time("  95 of 100 within", &Report::delay_95_us);
  table.row("  known to within", [](const Report& heard, const Report&) {
    return "+-" + milliseconds(heard.delay_bound_us());
  });
  table.time("capture to ear: mean", &Report::mean_playout_us);
  table.time("  95 of 100 within", &Report::playout_95_us);
  table.time("  most", &Report::most_playout_us);
  table.row("jitter buffer: profile",
            [](const Report& heard, const Report&) { return heard.profile(); });
  table.time("  target, mean", &Report::mean_target_us);
  table.row("  filled", [](const Report& heard, const Report&) {
    return with_share(
        milliseconds(heard.concealed_us()),
        ratio(static_cast<double>(heard.concealed_us()), static_cast<double>(heard.heard_us())));
  });
  table.row("  interruptions, over 150 ms", [](const Report& heard, const Report&) {
    return count(heard.interruptions()) + ", " + count(heard.long_interruptions());
  });
  table.time("  stretched by", &Report::stretched_us);
  table.row("events received",
            [](const Report& heard, const Report&) { return count(heard.events_received()); });
}

void add_clock(Table& table) {
  table.row("clock", [](const v1::CallReport& heard, const v1::CallReport& sent) {
    return sent.station().substr(0, 9) + ", by " + heard.station().substr(0, 9);
  });
  table.row("offset at the start", [](const v1::CallReport& heard, const v1::CallReport&) {
    return heard.has_clock_at_start() ? fine_milliseconds(heard.clock_at_start().offset_us())
                                      : std::string("not known");
  });
  table.clock("  at the end",
              [](const v1::ClockFigures& clock) { return fine_milliseconds(clock.offset_us()); });
  table.clock("  wrong by at most",
              [](const v1::ClockFigures& clock) { return milliseconds(clock.bound_us()); });
  table.clock("  wrong by, probably", [](const v1::ClockFigures& clock) {
    return fine_milliseconds(clock.estimated_error_us());
  });
  table.clock("rate",
              [](const v1::ClockFigures& clock) { return text_of("%+.2f ppm", clock.skew_ppm()); });
  table.clock("state", [](const v1::ClockFigures& clock) { return std::string(state_of(clock)); });
}

}  // namespace

std::string report_table(const v1::CallReport& caller, const v1::CallReport& answerer,
                         const echostream::SessionStats& session) {
  // What left the caller was heard by the one who answered, and the other way round.
  Table table(answerer, caller);
  table.line("");
  add_voice(table);
  table.line("");
  add_clock(table);
  table.line("");
  table.line("  Calls at " + answerer.station() + ": " + count(answerer.calls_answered()) +
             " answered, " + count(answerer.calls_refused()) + " refused. Round trip of the " +
             "connection: " + milliseconds(session.smoothed_rtt.count() / 1000) + ".");
  if (caller.has_clock_error_us() && answerer.has_clock_error_us()) {
    table.line("  Both run on one machine and read one clock, so the true offset is 0: error " +
               fine_milliseconds(answerer.clock_error_us()) + " (" + answerer.station() + ") and");
    table.line("  " + fine_milliseconds(caller.clock_error_us()) + " (" + caller.station() +
               ") at most, bound " + milliseconds(answerer.clock_at_end().bound_us()) + " and " +
               milliseconds(caller.clock_at_end().bound_us()) + ".");
  }
  return table.text();
}

}  // namespace intercom
