#include "report.h"

#include <cstdint>
#include <cstdio>

namespace intercom {
namespace {

std::string milliseconds(std::int64_t microseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(microseconds) / 1e3);
  return text;
}

std::string with_share(std::uint64_t count, std::uint64_t of) {
  char share[32];
  std::snprintf(share, sizeof share, " (%.1f %%)",
                of == 0 ? 0.0 : 100.0 * static_cast<double>(count) / static_cast<double>(of));
  return std::to_string(count) + share;
}

std::string row(const std::string& title, const std::string& left, const std::string& right) {
  char line[160];
  std::snprintf(line, sizeof line, "  %-30.30s %20.20s %20.20s\n", title.c_str(), left.c_str(),
                right.c_str());
  return line;
}

}  // namespace

std::string report_table(const v1::CallReport& caller, const v1::CallReport& answerer,
                         const echostream::SessionStats& session) {
  const auto direction = [](const v1::CallReport& from, const v1::CallReport& to) {
    return from.station().substr(0, 8) + " -> " + to.station().substr(0, 8);
  };
  const auto count = [](std::uint64_t number) { return std::to_string(number); };
  // What left the caller was heard by the one who answered, and the other way round.
  const auto& left = answerer;
  const auto& right = caller;
  std::string table = "\n";
  table += row("voice", direction(caller, answerer), direction(answerer, caller));
  table += row("frames sent", count(caller.frames_sent()), count(answerer.frames_sent()));
  table += row("frames received", count(left.frames_received()), count(right.frames_received()));
  table += row("frames lost", with_share(left.frames_lost(), caller.frames_sent()),
               with_share(right.frames_lost(), answerer.frames_sent()));
  table +=
      row("frames late for their playout", count(left.frames_late()), count(right.frames_late()));
  table += row("one-way delay, least", milliseconds(left.least_delay_us()),
               milliseconds(right.least_delay_us()));
  table +=
      row("  median", milliseconds(left.median_delay_us()), milliseconds(right.median_delay_us()));
  table += row("  95 of 100 within", milliseconds(left.delay_95_us()),
               milliseconds(right.delay_95_us()));
  table += row("  most", milliseconds(left.most_delay_us()), milliseconds(right.most_delay_us()));
  table += row("events received", count(left.events_received()), count(right.events_received()));
  table += "\n  Calls at " + answerer.station() + ": " + count(answerer.calls_answered()) +
           " answered, " + count(answerer.calls_refused()) + " refused. Round trip of the " +
           "connection: " + milliseconds(session.smoothed_rtt.count() / 1000) + ".\n";
  table +=
      "  Delays are arrival time minus capture time. That is right here because both stations run "
      "on\n"
      "  one machine and read one monotonic clock; between machines the clocks must be compared "
      "first.\n";
  return table;
}

}  // namespace intercom
