#include "voice_player.h"

#include <algorithm>
#include <utility>

namespace intercom {

using echostream::Duration;
using echostream::Result;

namespace {

// What TimeStretch can make of a frame.
constexpr Duration kLongestFrame = kFrameLength + kFrameLength / 2;

}  // namespace

Result<VoicePlayer> VoicePlayer::make() {
  auto decoder = VoiceDecoder::make();
  if (!decoder) return decoder.error();
  return VoicePlayer(*std::move(decoder));
}

Samples VoicePlayer::play(std::string_view frame, Duration length) {
  auto sound = decoder_.decode(frame);
  if (!sound) return conceal(length);
  Samples output;
  play_sound(*std::move(sound), std::min(length, kLongestFrame), output);
  if (length > kLongestFrame) fill(length - kLongestFrame, output);
  return output;
}

Samples VoicePlayer::conceal(Duration length, std::string_view next) {
  Samples output;
  // Half a frame cannot be stretched to less.
  const bool recovers = length >= kFrameLength / 2 && VoiceDecoder::holds_frame_before(next);
  const Duration recovered = recovers ? std::min(length, kFrameLength) : Duration::zero();
  if (length > recovered) fill(length - recovered, output);
  if (recovers) {
    play_sound(decoder_.recover(next), recovered, output);
    ++recovered_;
  }
  return output;
}

void VoicePlayer::play_sound(Samples sound, Duration length, Samples& output) {
  concealment_.lead_into(sound);
  stretch_.play(sound, length, output);
}

void VoicePlayer::fill(Duration length, Samples& output) {
  stretch_.fill(concealment_.fill(decoder_, stretch_.due(length)), output);
}

}  // namespace intercom
