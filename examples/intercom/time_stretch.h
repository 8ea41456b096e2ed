// Makes voice longer or shorter and keeps its pitch, so that a playout delay can change unheard.
// WSOLA: W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity
// (WSOLA) for high quality time-scale modification of speech", ICASSP 1993.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "echostream/base/time.h"

#include "audio_format.h"

namespace intercom {

/// Sound goes through unchanged until enough of a difference has come together. Then it jumps to a
/// place that sounds alike, one or more periods of the voice's pitch ahead or back, with a short
/// fade. So the length is right on average, and what one frame lacks the next ones make up for.
/// Adds no delay: a frame's sound ends with the frame's last sample.
class TimeStretch {
 public:
  TimeStretch();

  /// Appends `frame`, kSamplesPerFrame samples that are to last `length`, to `output`. Half to one
  /// and a half times its own length; beyond that is taken for the bound.
  void play(std::span<const std::int16_t> frame, echostream::Duration length, Samples& output);

  /// How many samples of another sound are due when that one is to last `length`, at most 10 s.
  /// They make up for what the frames before lack.
  std::size_t due(echostream::Duration length);
  /// Appends such sound as it is.
  void fill(std::span<const std::int16_t> sound, Samples& output);

  /// Samples that are still missing from the output, or too many in it when negative.
  std::ptrdiff_t owed() const noexcept { return owed_; }

 private:
  /// Leaves the sound at `at` and goes on at `to`: positions in sound_.
  struct Jump {
    std::size_t at;
    std::size_t to;
    double similarity;
    /// What it adds to the sound, or takes away when negative.
    std::ptrdiff_t change() const {
      return static_cast<std::ptrdiff_t>(at) - static_cast<std::ptrdiff_t>(to);
    }
  };

  void owe(echostream::Duration length);
  std::ptrdiff_t shortest_jump() const;
  std::optional<Jump> choose_jump() const;
  /// All that is owed at once, if nothing but silence is left out or repeated.
  std::optional<Jump> jump_in_silence() const;
  /// The one that sounds best.
  std::optional<Jump> best_jump() const;
  std::optional<Jump> refine(const Jump& coarse) const;
  bool is_possible(std::size_t at, std::size_t to) const;
  double needed_similarity() const;
  void append(const std::optional<Jump>& jump, Samples& output) const;
  void forget_old_sound();

  /// What was played last, and behind it the frame that is being played.
  Samples sound_;
  std::ptrdiff_t owed_ = 0;
  /// What a duration lacks to a whole sample, in units of 1 / kUnitsPerSample.
  std::int64_t fraction_ = 0;
};

}  // namespace intercom
