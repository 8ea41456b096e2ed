// What became of every frame that a station should have heard, and the figures made of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/status.h"
#include "echostream/stream.h"

#include "audio_format.h"
#include "intercom.pb.h"

namespace intercom {

class VoiceLog {
 public:
  using Step = echostream::Playout<v1::VoiceFrame>;

  /// Each step of the playout, with what the jitter buffer has counted by then.
  void add(const Step& step, const echostream::JitterBufferStats& buffer);
  /// That many frames behind the last one never came.
  void add_lost_at_end(std::uint64_t count) { add_missing(count); }

  std::uint64_t received() const noexcept { return played_ + late() + dropped(); }
  std::uint64_t lost() const noexcept { return missing_ - late() - dropped(); }
  std::uint64_t late() const noexcept;
  std::uint64_t dropped() const noexcept;
  /// All frames and fillers together.
  echostream::Duration heard() const noexcept { return heard_; }

  /// Fills in all that is about frames and delays.
  void describe(v1::CallReport& report) const;
  /// One line: "250 frames heard, 4 lost, 1 late; network 35.0 ms, to the ear 43.7 ms (medians)".
  std::string summary() const;
  /// A line for each frame and for each gap that was filled: sequence number, capture time in ms
  /// since the first frame's, one-way delay through the network, from capture to ear, what the
  /// jitter buffer aimed at above the least network delay, length as it was played, all in ms and
  /// empty where there is none; and its fate: played, late, lost, dropped, or concealed for filler.
  ///
  /// A reader learns how many frames of a gap came too late, not which; the last ones are taken to
  /// be those.
  echostream::Status write_csv(const std::string& path) const;

 private:
  enum class Fate : std::uint8_t { kPlayed, kLate, kLost, kDropped, kConcealed };
  struct Entry {
    Fate fate = Fate::kPlayed;
    std::uint64_t sequence = 0;
    /// None while the sender's clock is not known.
    std::optional<echostream::Duration> network;
    std::optional<echostream::Duration> to_ear;
    echostream::Duration target{};
    echostream::Duration length{};
  };
  using Delay = std::optional<echostream::Duration> Entry::*;

  void add_filler(echostream::Duration length);
  void add_missing(std::uint64_t count);
  void add_played(const echostream::Frame<v1::VoiceFrame>& frame, echostream::Duration length);
  void append(const Entry& entry);
  void explain(Fate fate, std::uint64_t count, std::uint64_t& explained);
  std::vector<echostream::Duration> sorted(Delay delay) const;
  static const char* name(Fate fate);

  std::vector<Entry> entries_;
  echostream::JitterBufferStats buffer_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t played_ = 0;
  std::uint64_t missing_ = 0;
  std::uint64_t late_explained_ = 0;
  std::uint64_t dropped_explained_ = 0;
  echostream::Duration heard_{};
  echostream::Duration bound_{};
};

}  // namespace intercom
