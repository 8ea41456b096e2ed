#include "concealment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace intercom {

namespace {

// A syllable. Beyond it the codec's guess is no longer what the speaker would have said, and a
// vowel held on sounds like a machine.
constexpr std::size_t kVoiceLasts = kSampleRate / 10;
// 40 ms, from the voice to the noise.
constexpr std::size_t kVoiceFades = kSampleRate / 25;
// Opus continues its voice model in steps of 10 ms.
constexpr std::size_t kStep = kSampleRate / 100;
// 5 ms, from the noise to the next frame.
constexpr std::size_t kNoiseFades = kSampleRate / 200;
// -50 dB of full scale, a noisy room. What never falls below it is no background.
constexpr double kLoudestNoise = 104;
// 1.5 s: people make a pause between two words at least that often.
constexpr int kFramesPerWindow = 75;

double rising(std::size_t position, std::size_t length) {
  if (position >= length) return 1;
  const double phase = static_cast<double>(position) / static_cast<double>(length);
  return 0.5 - 0.5 * std::cos(std::numbers::pi * phase);
}

std::int16_t to_sample(double value) {
  return static_cast<std::int16_t>(std::lround(std::clamp(value, -32768.0, 32767.0)));
}

std::int16_t mixed(double from, double to, double share) {
  return to_sample(from + (to - from) * share);
}

}  // namespace

void ComfortNoise::listen(std::span<const std::int16_t> frame) {
  if (frame.empty()) return;
  double energy = 0;
  double neighbours = 0;
  double before = 0;
  for (const std::int16_t sample : frame) {
    energy += static_cast<double>(sample) * sample;
    neighbours += before * sample;
    before = sample;
  }
  Background heard;
  heard.level = std::sqrt(energy / static_cast<double>(frame.size()));
  // Below 1, or the noise would swing up without end.
  if (energy > 0) heard.colour = std::clamp(neighbours / energy, 0.0, 0.99);
  if (++frames_in_window_ > kFramesPerWindow) {
    frames_in_window_ = 1;
    earlier_ = latest_;
    latest_.reset();
  }
  if (!latest_ || heard.level < latest_->level) latest_ = heard;
  now_ = earlier_ && earlier_->level < latest_->level ? *earlier_ : *latest_;
}

double ComfortNoise::next_sample() {
  // xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003).
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  // Uniform with variance 1, then an autoregressive process of order 1: it has the level and the
  // correlation of neighbours that were measured.
  const double uniform = static_cast<double>(random_ >> 11) * 0x1.0p-53;
  const double white = (2 * uniform - 1) * std::numbers::sqrt3;
  last_ = now_.colour * last_ + std::sqrt(1 - now_.colour * now_.colour) * white;
  return std::min(now_.level, kLoudestNoise) * last_;
}

Samples Concealment::fill(VoiceDecoder& decoder, std::size_t count) {
  while (waiting_.size() < count) make_filler(decoder);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  Samples taken(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  return taken;
}

void Concealment::make_filler(VoiceDecoder& decoder) {
  Samples voice(kStep);
  if (made_ < kVoiceLasts + kVoiceFades) voice = decoder.conceal(kStep);
  for (const std::int16_t sample : voice) {
    const double noise_share = made_ < kVoiceLasts ? 0 : rising(made_ - kVoiceLasts, kVoiceFades);
    const double noise = noise_share > 0 ? noise_.next_sample() : 0;
    waiting_.push_back(mixed(sample, noise, noise_share));
    ++made_;
  }
}

void Concealment::lead_into(Samples& frame) {
  // Behind a gap the codec has to find its level again, which tells nothing of the room.
  if (made_ == 0) noise_.listen(frame);
  // The codec itself leads from its filler into the next frame, if it was not interrupted.
  if (made_ >= kVoiceLasts + kVoiceFades) {
    while (waiting_.size() < kNoiseFades) waiting_.push_back(to_sample(noise_.next_sample()));
  }
  const std::size_t fade = std::min(waiting_.size(), frame.size());
  for (std::size_t i = 0; i < fade; ++i) {
    frame[i] = mixed(waiting_[i], frame[i], rising(i, fade));
  }
  waiting_.clear();
  made_ = 0;
}

}  // namespace intercom
