// What became of every frame that a station should have heard, and the figures made of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "echostream/base/status.h"

#include "audio_format.h"
#include "intercom.pb.h"

namespace intercom {

class VoiceLog {
 public:
  void add_received(std::uint64_t sequence, echostream::LocalTime captured_at,
                    echostream::LocalTime arrived_at, bool in_time);
  /// The `count` frames from `first_sequence` on never came.
  void add_lost(std::uint64_t first_sequence, std::uint64_t count);
  std::uint64_t next_sequence() const noexcept { return next_sequence_; }

  std::uint64_t received() const noexcept { return received_; }
  std::uint64_t lost() const noexcept { return lost_; }
  std::uint64_t late() const noexcept { return late_; }
  /// Fills in how many frames came and how long they took.
  void describe(v1::CallReport& report) const;
  /// One line: "250 frames heard, 4 lost, 0 late; delay 35.0 ms (median), at most 41.2 ms".
  std::string summary() const;
  /// A line for each frame: sequence, capture time in ms since the first frame's, one-way delay in
  /// ms (none when lost), and what became of it: played, late or lost.
  echostream::Status write_csv(const std::string& path) const;

 private:
  enum class Fate : std::uint8_t { kPlayed, kLate, kLost };
  struct Entry {
    std::uint64_t sequence;
    echostream::Duration delay;
    Fate fate;
  };

  void add(const Entry& entry);
  std::vector<echostream::Duration> sorted_delays() const;

  std::vector<Entry> entries_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t late_ = 0;
};

}  // namespace intercom
