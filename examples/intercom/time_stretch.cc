#include "time_stretch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <numeric>
#include <vector>

namespace intercom {

using echostream::Duration;

namespace {

// 400 to 67 Hz: the pitch of voices. A higher one is met by jumps of several periods.
constexpr std::ptrdiff_t kShortestJump = kSampleRate / 400;
constexpr std::ptrdiff_t kLongestJump = kSampleRate * 15 / 1000;
// A frame that is halved owes half of itself, so the jumps have to be longer than that on average.
constexpr std::ptrdiff_t kLargestNeed = kSamplesPerFrame / 2 + kShortestJump;
// 5 ms. A frame of 20 ms has to hold a fade and the longest jump.
constexpr std::size_t kFade = kSampleRate / 200;
static_assert(kFade + kLongestJump <= kSamplesPerFrame);
// Two places are compared from that much before the jump to the end of the fade: 10 ms, a whole
// period of most voices.
constexpr std::size_t kCompareBefore = kFade;
// The longest jump back, and what is compared before it. That much of the past stays in sound_; the
// frame begins behind it.
constexpr std::size_t kHistory = kLongestJump + kCompareBefore;
// Candidates are first compared at 8 kHz: pitch and its first ten harmonics are below 4 kHz.
constexpr std::ptrdiff_t kCoarse = 6;
// Places in a frame where a jump is tried, 5 ms apart: about one in each period.
constexpr std::size_t kPlaceStep = kSampleRate / 200;
// Of what is nothing but a pitch period apart in a steady vowel.
constexpr double kGoodSimilarity = 0.9;
// Among jumps of one, two, three periods, which sound the same, that one is taken which comes
// nearest to what is owed. Too little to matter among different sounds.
constexpr double kLengthWeight = 0.05 / kLongestJump;
// -60 dB of full scale: nobody hears what is done to that.
constexpr double kSilence = 33;

// 1 / 62500 of a sample is the third part of a nanosecond: durations add up without error.
constexpr std::int64_t kUnitsPerSample = 62'500;
constexpr std::int64_t kUnitsPerNanosecond = 3;
static_assert(kUnitsPerSample * kSampleRate == kUnitsPerNanosecond * 1'000'000'000);
constexpr Duration kLongest = std::chrono::seconds(10);

Duration duration_of(std::size_t samples) {
  return Duration(static_cast<std::int64_t>(samples) * kUnitsPerSample / kUnitsPerNanosecond);
}

/// How much of the sound after a jump is heard at each sample of the fade.
const std::array<double, kFade>& fade_in() {
  static const std::array<double, kFade> weights = [] {
    std::array<double, kFade> values{};
    for (std::size_t i = 0; i < kFade; ++i) {
      const double phase = (static_cast<double>(i) + 0.5) / static_cast<double>(kFade);
      values[i] = 0.5 - 0.5 * std::cos(std::numbers::pi * phase);
    }
    return values;
  }();
  return weights;
}

/// 1: the same; 0: as different as two unrelated sounds. The squared difference, by the energies:
/// unlike a correlation it also sees when one is louder.
template <class T>
double similarity(std::span<const T> one, std::span<const T> other) {
  double product = 0;
  double energy = 0;
  // Pointers: this is where the time goes, and a span's operator[] is a call in a debug build.
  const T* in_one = one.data();
  const T* in_other = other.data();
  for (std::size_t i = 0; i < one.size(); ++i) {
    const double a = in_one[i];
    const double b = in_other[i];
    product += a * b;
    energy += a * a + b * b;
  }
  return energy == 0 ? 1 : 2 * product / energy;
}

std::vector<float> at_coarse_rate(const Samples& sound) {
  std::vector<float> coarse(sound.size() / kCoarse);
  auto next = sound.begin();
  for (float& sample : coarse) {
    sample = static_cast<float>(std::accumulate(next, next + kCoarse, 0));
    next += kCoarse;
  }
  return coarse;
}

bool is_silent(std::span<const std::int16_t> sound) {
  double energy = 0;
  for (const std::int16_t sample : sound) energy += static_cast<double>(sample) * sample;
  return energy <= kSilence * kSilence * static_cast<double>(sound.size());
}

}  // namespace

TimeStretch::TimeStretch() : sound_(kHistory) {}

void TimeStretch::play(std::span<const std::int16_t> frame, Duration length, Samples& output) {
  const Duration own = duration_of(frame.size());
  owe(std::clamp(length, own / 2, own + own / 2));
  owed_ -= static_cast<std::ptrdiff_t>(frame.size());
  sound_.insert(sound_.end(), frame.begin(), frame.end());
  const std::optional<Jump> jump = choose_jump();
  append(jump, output);
  if (jump) owed_ -= jump->change();
  forget_old_sound();
}

std::size_t TimeStretch::due(Duration length) {
  owe(std::clamp(length, Duration::zero(), kLongest));
  return static_cast<std::size_t>(std::max<std::ptrdiff_t>(owed_, 0));
}

void TimeStretch::fill(std::span<const std::int16_t> sound, Samples& output) {
  output.insert(output.end(), sound.begin(), sound.end());
  owed_ -= static_cast<std::ptrdiff_t>(sound.size());
  sound = sound.last(std::min(sound.size(), kHistory));
  sound_.insert(sound_.end(), sound.begin(), sound.end());
  forget_old_sound();
}

void TimeStretch::owe(Duration length) {
  fraction_ += length.count() * kUnitsPerNanosecond;
  owed_ += static_cast<std::ptrdiff_t>(fraction_ / kUnitsPerSample);
  fraction_ %= kUnitsPerSample;
}

void TimeStretch::forget_old_sound() {
  sound_.erase(sound_.begin(), sound_.end() - static_cast<std::ptrdiff_t>(kHistory));
}

bool TimeStretch::is_possible(std::size_t at, std::size_t to) const {
  return at >= kHistory && to >= kCompareBefore && std::max(at, to) + kFade <= sound_.size();
}

/// The longer the difference has been waiting, the less it is particular: in noise (s, f) there is
/// nothing to find, and nothing to hear either.
double TimeStretch::needed_similarity() const {
  const double waiting = static_cast<double>(std::abs(owed_)) / kLongestJump;
  return waiting >= 1 ? -1 : kGoodSimilarity * (1 - waiting);
}

/// What is owed must not pile up, however short the jumps that would sound best.
std::ptrdiff_t TimeStretch::shortest_jump() const {
  const std::ptrdiff_t shortest =
      std::clamp(std::abs(owed_) - kLongestJump / 2, kShortestJump, kLargestNeed);
  return shortest - shortest % kCoarse;
}

std::optional<TimeStretch::Jump> TimeStretch::choose_jump() const {
  if (owed_ == 0) return std::nullopt;
  if (auto jump = jump_in_silence()) return jump;
  // More than twice what is owed would owe more the other way.
  const std::ptrdiff_t longest_useful = 2 * std::abs(owed_);
  if (longest_useful < kShortestJump) return std::nullopt;
  std::optional<Jump> jump = best_jump();
  if (jump) jump = refine(*jump);
  if (!jump || jump->similarity < needed_similarity()) return std::nullopt;
  return std::abs(jump->change()) > longest_useful ? std::nullopt : jump;
}

std::optional<TimeStretch::Jump> TimeStretch::jump_in_silence() const {
  constexpr std::size_t kAt = kHistory;
  const std::ptrdiff_t length = std::clamp(owed_, -kLongestJump, kLongestJump);
  const auto to = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(kAt) - length);
  if (!is_possible(kAt, to)) return std::nullopt;
  if (!is_silent(std::span(sound_).subspan(std::min(kAt, to)))) return std::nullopt;
  return Jump{kAt, to, 1};
}

std::optional<TimeStretch::Jump> TimeStretch::best_jump() const {
  const std::vector<float> coarse = at_coarse_rate(sound_);
  const auto around = [&](std::size_t place) {
    constexpr std::size_t kCompared = (kCompareBefore + kFade) / kCoarse;
    return std::span(coarse).subspan((place - kCompareBefore) / kCoarse, kCompared);
  };
  const std::ptrdiff_t shortest = shortest_jump();
  std::optional<Jump> best;
  double best_score = 0;
  for (std::size_t at = kHistory; at + kFade <= sound_.size(); at += kPlaceStep) {
    for (std::ptrdiff_t length = shortest; length <= kLongestJump; length += kCoarse) {
      const std::ptrdiff_t back = owed_ > 0 ? length : -length;
      const auto to = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(at) - back);
      if (!is_possible(at, to)) break;  // longer ones are not possible either
      const Jump jump{at, to, similarity(around(at), around(to))};
      const double score = jump.similarity - kLengthWeight * std::abs(length - std::abs(owed_));
      if (best && score <= best_score) continue;
      best = jump;
      best_score = score;
    }
  }
  return best;
}

std::optional<TimeStretch::Jump> TimeStretch::refine(const Jump& coarse) const {
  const auto around = [&](std::size_t place) {
    return std::span(sound_).subspan(place - kCompareBefore, kCompareBefore + kFade);
  };
  std::optional<Jump> best;
  for (std::size_t to = coarse.to - kCoarse; to <= coarse.to + kCoarse; ++to) {
    if (!is_possible(coarse.at, to)) continue;
    const Jump jump{coarse.at, to, similarity(around(coarse.at), around(to))};
    if (!best || jump.similarity > best->similarity) best = jump;
  }
  return best;
}

void TimeStretch::append(const std::optional<Jump>& jump, Samples& output) const {
  const auto place = [&](std::size_t at) {
    return sound_.begin() + static_cast<std::ptrdiff_t>(at);
  };
  if (!jump) {
    output.insert(output.end(), place(kHistory), sound_.end());
    return;
  }
  output.insert(output.end(), place(kHistory), place(jump->at));
  for (std::size_t i = 0; i < kFade; ++i) {
    const double before = sound_[jump->at + i];
    const double after = sound_[jump->to + i];
    const double sample = before + (after - before) * fade_in()[i];
    output.push_back(static_cast<std::int16_t>(std::lround(sample)));
  }
  output.insert(output.end(), place(jump->to + kFade), sound_.end());
}

}  // namespace intercom
