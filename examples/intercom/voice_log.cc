#include "voice_log.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iomanip>

namespace intercom {

using echostream::Duration;
using echostream::LocalTime;
using echostream::Status;
using echostream::StatusCode;

namespace {

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

std::int64_t microseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
}

// `part` of the sorted delays are at most that long.
Duration quantile(const std::vector<Duration>& sorted, double part) {
  if (sorted.empty()) return {};
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

void VoiceLog::add_received(std::uint64_t sequence, LocalTime captured_at, LocalTime arrived_at,
                            bool in_time) {
  ++received_;
  if (!in_time) ++late_;
  add({sequence, arrived_at - captured_at, in_time ? Fate::kPlayed : Fate::kLate});
}

void VoiceLog::add_lost(std::uint64_t first_sequence, std::uint64_t count) {
  lost_ += count;
  for (std::uint64_t i = 0; i < count && entries_.size() < kMostFrames; ++i) {
    add({first_sequence + i, Duration(), Fate::kLost});
  }
}

void VoiceLog::add(const Entry& entry) {
  next_sequence_ = entry.sequence + 1;
  if (entries_.size() < kMostFrames) entries_.push_back(entry);
}

std::vector<Duration> VoiceLog::sorted_delays() const {
  std::vector<Duration> delays;
  for (const Entry& entry : entries_) {
    if (entry.fate != Fate::kLost) delays.push_back(entry.delay);
  }
  std::sort(delays.begin(), delays.end());
  return delays;
}

void VoiceLog::describe(v1::CallReport& report) const {
  const std::vector<Duration> delays = sorted_delays();
  report.set_frames_received(received_);
  report.set_frames_lost(lost_);
  report.set_frames_late(late_);
  report.set_least_delay_us(microseconds(quantile(delays, 0)));
  report.set_median_delay_us(microseconds(quantile(delays, 0.5)));
  report.set_delay_95_us(microseconds(quantile(delays, 0.95)));
  report.set_most_delay_us(microseconds(quantile(delays, 1)));
}

std::string VoiceLog::summary() const {
  const std::vector<Duration> delays = sorted_delays();
  char delay[80];
  std::snprintf(delay, sizeof delay, "; delay %.1f ms (median), at most %.1f ms",
                milliseconds(quantile(delays, 0.5)), milliseconds(quantile(delays, 1)));
  return std::to_string(received_) + " frames heard, " + std::to_string(lost_) + " lost, " +
         std::to_string(late_) + " late" + (delays.empty() ? "" : delay);
}

Status VoiceLog::write_csv(const std::string& path) const {
  std::ofstream out(path, std::ios::trunc);
  out << std::fixed << std::setprecision(3);
  out << "sequence,captured_ms,delay_ms,fate\n";
  for (const Entry& entry : entries_) {
    out << entry.sequence << ',' << milliseconds(kFrameLength) * static_cast<double>(entry.sequence)
        << ',';
    if (entry.fate != Fate::kLost) out << milliseconds(entry.delay);
    switch (entry.fate) {
      case Fate::kPlayed:
        out << ",played\n";
        break;
      case Fate::kLate:
        out << ",late\n";
        break;
      case Fate::kLost:
        out << ",lost\n";
        break;
    }
  }
  out.flush();
  if (!out) return {StatusCode::kUnavailable, "cannot write " + path};
  return Status::ok();
}

}  // namespace intercom
