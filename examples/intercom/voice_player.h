// Turns what a jitter buffer decides into sound: each step in, the samples to be played next out.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "echostream/base/result.h"

#include "concealment.h"
#include "time_stretch.h"
#include "voice_codec.h"

namespace intercom {

/// All sound that it gives is one piece: no gap, no click, and altogether as long as the steps
/// together, to within one period of the voice's pitch.
class VoicePlayer {
 public:
  static echostream::Result<VoicePlayer> make();

  /// A frame that lasts `length`. Longer or shorter than kFrameLength by up to a half: stretched;
  /// what is beyond one and a half is filled as by conceal(). Bytes that are no voice: concealed.
  Samples play(std::string_view frame, echostream::Duration length);
  /// Nothing came for `length`, at most 10 s. `next`: the frame behind the gap if it is here
  /// already; it may hold the last frame of the gap in lower quality. It still has to be played.
  Samples conceal(echostream::Duration length, std::string_view next = {});

  /// Frames that `next` held.
  std::uint64_t recovered() const noexcept { return recovered_; }

 private:
  explicit VoicePlayer(VoiceDecoder decoder) : decoder_(std::move(decoder)) {}

  void play_sound(Samples sound, echostream::Duration length, Samples& output);
  void fill(echostream::Duration length, Samples& output);

  VoiceDecoder decoder_;
  Concealment concealment_;
  TimeStretch stretch_;
  std::uint64_t recovered_ = 0;
};

}  // namespace intercom
