#include "lip_sync.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "intercom/audio_format.h"

namespace lipsync {

namespace {

constexpr int kMostShiftMs = 500;
// A second of pictures: with fewer any two things fit.
constexpr std::size_t kLeastPictures = 30;
constexpr std::ptrdiff_t kSamplesPerMs = intercom::kSampleRate / 1000;

/// Pearson's coefficient of two rows of numbers.
class Correlation {
 public:
  void add(double a, double b) {
    ++count_;
    sum_a_ += a;
    sum_b_ += b;
    sum_aa_ += a * a;
    sum_bb_ += b * b;
    sum_ab_ += a * b;
  }
  std::size_t count() const noexcept { return count_; }
  /// None when one of them does not vary.
  std::optional<double> value() const {
    const auto n = static_cast<double>(count_);
    const double variance_a = n * sum_aa_ - sum_a_ * sum_a_;
    const double variance_b = n * sum_bb_ - sum_b_ * sum_b_;
    if (variance_a <= 1e-9 || variance_b <= 1e-9) return std::nullopt;
    return (n * sum_ab_ - sum_a_ * sum_b_) / std::sqrt(variance_a * variance_b);
  }

 private:
  std::size_t count_ = 0;
  double sum_a_ = 0;
  double sum_b_ = 0;
  double sum_aa_ = 0;
  double sum_bb_ = 0;
  double sum_ab_ = 0;
};

// How well the pictures fit what was heard `shift_ms` before each of them.
std::optional<double> fit(const LoudnessCurve& heard, std::span<const ShownMouth> shown,
                          int shift_ms) {
  Correlation correlation;
  for (const ShownMouth& mouth : shown) {
    const std::ptrdiff_t sample =
        mouth.at.count() * kSamplesPerMs / 1'000'000 - shift_ms * kSamplesPerMs;
    if (sample < 0 || static_cast<std::size_t>(sample) > heard.size()) continue;
    correlation.add(mouth.opening, heard.before(static_cast<std::size_t>(sample)));
  }
  if (correlation.count() < std::max(kLeastPictures, shown.size() / 2)) return std::nullopt;
  return correlation.value();
}

// Where the parabola through a peak and its neighbours is highest, relative to the peak.
double summit(double before, double peak, double after) {
  const double curvature = before - 2 * peak + after;
  return curvature < 0 ? std::clamp((before - after) / (2 * curvature), -0.5, 0.5) : 0;
}

}  // namespace

std::optional<LipSync> measure_lip_sync(const LoudnessCurve& heard,
                                        std::span<const ShownMouth> shown) {
  std::vector<std::optional<double>> fits;
  for (int shift = -kMostShiftMs; shift <= kMostShiftMs; ++shift) {
    fits.push_back(fit(heard, shown, shift));
  }
  const auto best = std::max_element(fits.begin(), fits.end());  // none is least
  if (!*best) return std::nullopt;
  LipSync result;
  result.correlation = **best;
  result.picture_behind_ms = static_cast<double>(best - fits.begin()) - kMostShiftMs;
  if (best != fits.begin() && best + 1 != fits.end() && *(best - 1) && *(best + 1)) {
    result.picture_behind_ms += summit(**(best - 1), **best, **(best + 1));
  }
  return result;
}

}  // namespace lipsync
