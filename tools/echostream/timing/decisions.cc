#include "tools/echostream/timing/decisions.h"

#include <string_view>
#include <unordered_map>

#include "tools/echostream/io/microseconds.h"

namespace echostream::tool {

namespace {

constexpr std::string_view kStates[] = {"played", "late", "lost", "dropped", "concealed"};

std::string_view name_of(Decision::State state) { return kStates[static_cast<std::size_t>(state)]; }

std::optional<Decision::State> state_of(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kStates); ++i) {
    if (kStates[i] == name) return static_cast<Decision::State>(i);
  }
  return std::nullopt;
}

Result<std::optional<Duration>> optional_stamp(const CsvReader& reader, std::size_t column) {
  if (reader.field(column).empty()) return std::optional<Duration>();
  const auto stamp = reader.stamp(column);
  if (!stamp) return stamp.error();
  return std::optional<Duration>(*stamp);
}

using FramesByPacket = std::unordered_map<std::uint64_t, std::size_t>;

Result<Decision> read_decision(const CsvReader& reader, const FramesByPacket& frames) {
  Decision decision;
  const auto packet = reader.whole_number(0);
  if (!packet) return packet.error();
  const auto frame = frames.find(*packet);
  if (frame == frames.end()) {
    return reader.problem("seq " + std::to_string(*packet) +
                          " is not the first packet of a frame of the trace");
  }
  decision.frame = frame->second;
  const auto at = optional_stamp(reader, 1);
  if (!at) return at.error();
  decision.at = *at;
  const auto state = state_of(reader.field(2));
  if (!state) {
    return reader.problem("state is " + quoted(reader.field(2)) +
                          "; expected played, late, lost, dropped or concealed");
  }
  decision.state = *state;
  if (*state == Decision::State::kPlayed && !decision.at) {
    return reader.problem("playout_us is empty; expected when the frame was played");
  }
  const auto duration = optional_stamp(reader, 3);
  if (!duration) return duration.error();
  decision.duration = *duration;
  return decision;
}

}  // namespace

void write_decisions(std::ostream& out, const Trace& trace,
                     const std::vector<Decision>& decisions) {
  out << kDecisionColumns.header << '\n';
  for (const Decision& decision : decisions) {
    out << trace.frames[decision.frame].first_packet << ',';
    if (decision.at) out << to_whole_microseconds(*decision.at);
    out << ',' << name_of(decision.state) << ',';
    if (decision.duration) out << to_whole_microseconds(*decision.duration);
    out << '\n';
  }
}

Result<std::vector<Decision>> read_decisions(std::istream& in, const std::string& file,
                                             const Trace& trace) {
  FramesByPacket frames;
  for (std::size_t i = 0; i < trace.frames.size(); ++i) {
    frames.emplace(trace.frames[i].first_packet, i);
  }
  CsvReader reader(in, file, kDecisionColumns);
  std::vector<Decision> decisions;
  for (;;) {
    const auto has_row = reader.next();
    if (!has_row) return has_row.error();
    if (!*has_row) break;
    const auto decision = read_decision(reader, frames);
    if (!decision) return decision.error();
    decisions.push_back(*decision);
  }
  if (decisions.empty()) {
    return reader.problem_at(reader.line() + 1, "there are no rows; expected one for each frame");
  }
  return decisions;
}

}  // namespace echostream::tool
