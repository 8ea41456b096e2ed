// Fills gaps in a voice: first the codec goes on with what was said last, then the noise of the
// speaker's room stands for it. Neither end of the gap clicks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "audio_format.h"
#include "voice_codec.h"

namespace intercom {

/// Noise as loud and as dull as the quietest sound that was heard lately: the background.
class ComfortNoise {
 public:
  void listen(std::span<const std::int16_t> frame);
  double next_sample();

 private:
  struct Background {
    double level = 0;
    /// Correlation of a sample with the one before it.
    double colour = 0;
  };

  /// The quietest of this window and of the one before; before anything was heard: silence.
  std::optional<Background> earlier_;
  std::optional<Background> latest_;
  int frames_in_window_ = 0;
  Background now_;
  double last_ = 0;
  std::uint64_t random_ = 1;
};

class Concealment {
 public:
  /// `count` samples of filler, which go on where the sound, or the filler before, ended.
  Samples fill(VoiceDecoder& decoder, std::size_t count);
  /// To be called with each frame before it is played. Its beginning is faded in if filler stands
  /// before it.
  void lead_into(Samples& frame);

 private:
  void make_filler(VoiceDecoder& decoder);

  ComfortNoise noise_;
  /// Made since the last frame, in samples.
  std::size_t made_ = 0;
  /// Made and not yet taken.
  Samples waiting_;
};

}  // namespace intercom
