#include "voice_log.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <numeric>

namespace intercom {

using echostream::Duration;
using echostream::Frame;
using echostream::JitterBufferStats;
using echostream::Status;
using echostream::StatusCode;

namespace {

// As far as a jitter buffer looks back: what is older is not told as late any more.
constexpr std::size_t kMostBehind = 512;

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

// `part` of the sorted delays are at most that long.
Duration quantile(const std::vector<Duration>& sorted, double part) {
  if (sorted.empty()) return {};
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

Duration mean(const std::vector<Duration>& delays) {
  if (delays.empty()) return {};
  const Duration sum = std::accumulate(delays.begin(), delays.end(), Duration());
  return sum / static_cast<Duration::rep>(delays.size());
}

}  // namespace

void VoiceLog::add(const Step& step, const JitterBufferStats& buffer) {
  // A call that has just ended knows nothing of its buffer any more.
  if (buffer.frames_emitted >= buffer_.frames_emitted) buffer_ = buffer;
  heard_ += step.duration;
  if (!step.frame) {
    add_filler(step.duration);
    return;
  }
  add_missing(step.frame->lost_before);
  add_played(*step.frame, step.duration);
  explain(Fate::kLate, buffer_.frames_late, late_explained_);
  explain(Fate::kDropped, buffer_.frames_dropped, dropped_explained_);
}

std::uint64_t VoiceLog::late() const noexcept { return std::min(buffer_.frames_late, missing_); }

std::uint64_t VoiceLog::dropped() const noexcept {
  return std::min(buffer_.frames_dropped, missing_ - late());
}

void VoiceLog::add_filler(Duration length) {
  if (!entries_.empty() && entries_.back().fate == Fate::kConcealed) {
    entries_.back().length += length;
    return;
  }
  Entry entry;
  entry.fate = Fate::kConcealed;
  entry.sequence = next_sequence_;
  entry.target = buffer_.target_delay;
  entry.length = length;
  append(entry);
}

void VoiceLog::add_missing(std::uint64_t count) {
  missing_ += count;
  for (std::uint64_t i = 0; i < count && entries_.size() < kMostFrames; ++i) {
    Entry entry;
    entry.fate = Fate::kLost;
    entry.sequence = next_sequence_ + i;
    append(entry);
  }
}

void VoiceLog::add_played(const Frame<v1::VoiceFrame>& frame, Duration length) {
  ++played_;
  next_sequence_ = frame.sequence + 1;
  Entry entry;
  entry.sequence = frame.sequence;
  if (frame.latency) {
    entry.network = frame.latency->value;
    bound_ = std::max(bound_, frame.latency->bound);
  }
  if (frame.local_capture_time) entry.to_ear = frame.playout_time - *frame.local_capture_time;
  entry.target = buffer_.target_delay;
  entry.length = length;
  append(entry);
}

void VoiceLog::append(const Entry& entry) {
  if (entries_.size() < kMostFrames) entries_.push_back(entry);
}

// The frames that are missing for another reason than that the network has lost them.
void VoiceLog::explain(Fate fate, std::uint64_t count, std::uint64_t& explained) {
  std::size_t looked_at = 0;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (explained >= count || ++looked_at > kMostBehind) return;
    if (entry->fate != Fate::kLost) continue;
    entry->fate = fate;
    ++explained;
  }
}

std::vector<Duration> VoiceLog::sorted(Delay delay) const {
  std::vector<Duration> delays;
  for (const Entry& entry : entries_) {
    if (entry.*delay) delays.push_back(*(entry.*delay));
  }
  std::sort(delays.begin(), delays.end());
  return delays;
}

void VoiceLog::describe(v1::CallReport& report) const {
  report.set_frames_received(received());
  report.set_frames_lost(lost());
  report.set_frames_late(late());
  report.set_frames_dropped(dropped());

  const std::vector<Duration> network = sorted(&Entry::network);
  report.set_least_delay_us(microseconds(quantile(network, 0)));
  report.set_median_delay_us(microseconds(quantile(network, 0.5)));
  report.set_delay_95_us(microseconds(quantile(network, 0.95)));
  report.set_most_delay_us(microseconds(quantile(network, 1)));
  report.set_delay_bound_us(microseconds(bound_));

  const std::vector<Duration> to_ear = sorted(&Entry::to_ear);
  report.set_mean_playout_us(microseconds(mean(to_ear)));
  report.set_playout_95_us(microseconds(quantile(to_ear, 0.95)));
  report.set_most_playout_us(microseconds(quantile(to_ear, 1)));

  const auto emitted = static_cast<Duration::rep>(buffer_.frames_emitted);
  if (emitted > 0) report.set_mean_target_us(microseconds(buffer_.target_delay_sum / emitted));
  report.set_heard_us(microseconds(heard_));
  report.set_concealed_us(microseconds(buffer_.concealed));
  report.set_stretched_us(
      microseconds(buffer_.inserted_for_deceleration + buffer_.removed_for_acceleration));
  report.set_interruptions(buffer_.concealment_events);
  report.set_long_interruptions(buffer_.freezes);
}

std::string VoiceLog::summary() const {
  const std::vector<Duration> network = sorted(&Entry::network);
  const std::vector<Duration> to_ear = sorted(&Entry::to_ear);
  char delays[80];
  std::snprintf(delays, sizeof delays, "; network %.1f ms, to the ear %.1f ms (medians)",
                milliseconds(quantile(network, 0.5)), milliseconds(quantile(to_ear, 0.5)));
  return std::to_string(played_) + " frames heard, " + std::to_string(lost()) + " lost, " +
         std::to_string(late()) + " late" + (network.empty() ? "" : delays);
}

const char* VoiceLog::name(Fate fate) {
  switch (fate) {
    case Fate::kPlayed:
      return "played";
    case Fate::kLate:
      return "late";
    case Fate::kLost:
      return "lost";
    case Fate::kDropped:
      return "dropped";
    case Fate::kConcealed:
      return "concealed";
  }
  return "";
}

Status VoiceLog::write_csv(const std::string& path) const {
  std::ofstream out(path, std::ios::trunc);
  out << std::fixed << std::setprecision(3);
  out << "sequence,captured_ms,network_ms,to_ear_ms,target_ms,length_ms,fate\n";
  const auto optional = [&out](const std::optional<Duration>& delay) {
    out << ',';
    if (delay) out << milliseconds(*delay);
  };
  for (const Entry& entry : entries_) {
    const bool has_length = entry.fate == Fate::kPlayed || entry.fate == Fate::kConcealed;
    out << entry.sequence << ','
        << milliseconds(kFrameLength) * static_cast<double>(entry.sequence);
    optional(entry.network);
    optional(entry.to_ear);
    optional(has_length ? std::optional(entry.target) : std::nullopt);
    optional(has_length ? std::optional(entry.length) : std::nullopt);
    out << ',' << name(entry.fate) << '\n';
  }
  out.flush();
  if (!out) return {StatusCode::kUnavailable, "cannot write " + path};
  return Status::ok();
}

}  // namespace intercom
