#include "tools/echostream/call/stream_figures.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "tools/echostream/io/json_line.h"

namespace echostream::tool {

namespace {

template <class... Values>
std::string formatted(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

double per_second(std::uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string latency_text(const StreamReport& report) {
  if (report.latency.count() == 0) return "latency  not known";
  return formatted("latency  median %.3f ms, 95 %% %.3f ms, most %.3f ms; within %.3f ms",
                   in_milliseconds(report.latency.quantile(0.5)),
                   in_milliseconds(report.latency.quantile(0.95)),
                   in_milliseconds(report.latency.most()), in_milliseconds(report.latency_bound));
}

std::string jitter_text(const JitterBufferStats& buffer) {
  return formatted(
      "jitter buffer  target %.3f ms, now %.3f ms, jitter %.3f ms; %llu played, %llu lost, %llu "
      "late, %llu dropped, %llu concealments",
      in_milliseconds(buffer.target_delay), in_milliseconds(buffer.current_delay),
      in_milliseconds(buffer.jitter), static_cast<unsigned long long>(buffer.frames_emitted),
      static_cast<unsigned long long>(buffer.frames_lost),
      static_cast<unsigned long long>(buffer.frames_late),
      static_cast<unsigned long long>(buffer.frames_dropped),
      static_cast<unsigned long long>(buffer.concealment_events));
}

std::string clock_text(const ClockEstimate& clock) {
  if (clock.samples == 0) return "clock  not known";
  return formatted("clock  %s, offset %.3f ms, within %.3f ms, probably %.3f ms, rate %+.2f ppm",
                   std::string(to_string(clock.state)).c_str(), in_milliseconds(clock.offset),
                   in_milliseconds(clock.bound), in_milliseconds(clock.estimated_error),
                   clock.skew_ppm);
}

bool has_jitter_buffer(const StreamReport& report) {
  return report.around.jitter_buffer && report.around.jitter_buffer->frames_emitted > 0;
}

}  // namespace

std::string_view to_string(ClockState state) {
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
  return "";
}

void StreamFigures::add(const Frame<Buffer>& frame) {
  ++now_.messages;
  now_.bytes += frame.message.size();
  now_.lost += frame.lost_before;
  if (!frame.latency) return;
  now_.latency.add(frame.latency->value);
  now_.latency_bound = std::max(now_.latency_bound, frame.latency->bound);
}

StreamReport StreamFigures::take(Duration elapsed, StreamSurroundings around) {
  StreamReport report = std::exchange(now_, StreamReport());
  all_messages_ += report.messages;
  all_lost_ += report.lost;
  report.seconds = std::chrono::duration<double>(elapsed).count();
  report.all_messages = all_messages_;
  report.all_lost = all_lost_;
  report.around = std::move(around);
  return report;
}

std::vector<std::string> report_table(const StreamReport& report) {
  std::vector<std::string> lines;
  lines.push_back(formatted("messages  %.1f/s, %.1f kB/s; %llu in all",
                            per_second(report.messages, report.seconds),
                            per_second(report.bytes, report.seconds) / 1000,
                            static_cast<unsigned long long>(report.all_messages)));
  lines.push_back(formatted("lost  %llu (%.2f %%); %llu in all (%.2f %%)",
                            static_cast<unsigned long long>(report.lost),
                            percent(report.lost, report.lost + report.messages),
                            static_cast<unsigned long long>(report.all_lost),
                            percent(report.all_lost, report.all_lost + report.all_messages)));
  lines.push_back(latency_text(report));
  if (has_jitter_buffer(report)) lines.push_back(jitter_text(*report.around.jitter_buffer));
  if (report.around.clock) lines.push_back(clock_text(*report.around.clock));
  if (report.around.session) {
    const SessionStats& stats = *report.around.session;
    lines.push_back(formatted("path  rtt %.3f ms, least %.3f ms, MTU %zu bytes",
                              in_milliseconds(stats.smoothed_rtt), in_milliseconds(stats.least_rtt),
                              stats.path_mtu_bytes));
  }
  return lines;
}

std::string report_line(const StreamReport& report) {
  std::string line =
      formatted("%8.1f/s %9.1f kB/s  lost %llu", per_second(report.messages, report.seconds),
                per_second(report.bytes, report.seconds) / 1000,
                static_cast<unsigned long long>(report.lost));
  if (report.latency.count() > 0) {
    line +=
        formatted("  latency %.3f ms, 95 %% %.3f ms", in_milliseconds(report.latency.quantile(0.5)),
                  in_milliseconds(report.latency.quantile(0.95)));
  }
  if (has_jitter_buffer(report)) {
    const JitterBufferStats& buffer = *report.around.jitter_buffer;
    line += formatted("  buffer %.3f ms, late %llu", in_milliseconds(buffer.target_delay),
                      static_cast<unsigned long long>(buffer.frames_late));
  }
  if (report.around.clock && report.around.clock->samples > 0) {
    line += formatted("  clock within %.3f ms", in_milliseconds(report.around.clock->bound));
  }
  return line;
}

std::string report_json(const StreamReport& report) {
  JsonLine line;
  line.add("messages_per_s", per_second(report.messages, report.seconds));
  line.add("bytes_per_s", per_second(report.bytes, report.seconds));
  line.add("messages", report.messages).add("lost", report.lost);
  line.add("all_messages", report.all_messages).add("all_lost", report.all_lost);
  if (report.latency.count() > 0) {
    line.add("latency_ms", in_milliseconds(report.latency.quantile(0.5)));
    line.add("latency_p95_ms", in_milliseconds(report.latency.quantile(0.95)));
    line.add("latency_most_ms", in_milliseconds(report.latency.most()));
    line.add("latency_bound_ms", in_milliseconds(report.latency_bound));
  }
  if (has_jitter_buffer(report)) {
    const JitterBufferStats& buffer = *report.around.jitter_buffer;
    JsonLine of_buffer;
    of_buffer.add("target_ms", in_milliseconds(buffer.target_delay));
    of_buffer.add("delay_ms", in_milliseconds(buffer.current_delay));
    of_buffer.add("jitter_ms", in_milliseconds(buffer.jitter));
    of_buffer.add("played", buffer.frames_emitted).add("lost", buffer.frames_lost);
    of_buffer.add("late", buffer.frames_late).add("dropped", buffer.frames_dropped);
    of_buffer.add("concealments", buffer.concealment_events);
    line.add_json("jitter_buffer", of_buffer.text());
  }
  if (report.around.clock && report.around.clock->samples > 0) {
    const ClockEstimate& clock = *report.around.clock;
    JsonLine of_clock;
    of_clock.add("state", to_string(clock.state));
    of_clock.add("offset_ms", in_milliseconds(clock.offset));
    of_clock.add("bound_ms", in_milliseconds(clock.bound));
    of_clock.add("estimated_error_ms", in_milliseconds(clock.estimated_error));
    of_clock.add("skew_ppm", clock.skew_ppm);
    line.add_json("clock", of_clock.text());
  }
  if (report.around.session) {
    line.add("rtt_ms", in_milliseconds(report.around.session->smoothed_rtt));
    line.add("least_rtt_ms", in_milliseconds(report.around.session->least_rtt));
  }
  return line.text();
}

}  // namespace echostream::tool
