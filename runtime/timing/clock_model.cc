#include "runtime/timing/clock_model.h"

#include <algorithm>
#include <cmath>

namespace echostream::timing {
namespace {

// Two quartzes of 15 ppm each; 100 ppm, the limit of the standards, is still believed at once.
constexpr double kSlopePrior = 30;
// The parts of the excess' distribution: see the class. One in ten is what Wi-Fi and loaded WAN
// paths show; the tail's exact length hardly matters, as it only has to be long.
constexpr double kTailShare = 0.1;
constexpr double kTailScale = 20;
// us: reading a clock and its rounding, at both ends.
constexpr double kStampNoise = 1;
// us per square root of a second: least delays are not quite constant (frequency scaling, caches),
// and what is never doubted can never be mended.
constexpr double kDelayWander = 0.05;
// Longer gaps tell no more about the clock than this one, and a cube shall not run away.
constexpr double kMostSeconds = 1e4;
// A direction that was not pinned to the other one by more than that is rounding.
constexpr double kSymmetryVariance = 1e-3;

double dot(const ClockModel::Vector& a, const ClockModel::Vector& b) noexcept {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}

// The excess u >= 0 when u = excess - n, n normal of variance v, and u is exponential of mean m.
struct Excess {
  double log_evidence;
  double mean;
  double square;
};

Excess expected_excess(double excess, double v, double m) noexcept {
  const double sd = std::sqrt(v);
  const double beta =
      excess / sd - sd / m;  // the cut, in standard deviations of the shifted normal
  Excess result;
  double log_share;
  if (beta < -25) {
    // The normal's tail: an exponential with corrections (Mills' ratio); erfc would underflow soon.
    const double s = -sd / beta;
    const double r = 1 / (beta * beta);
    result.mean = s * (1 - 2 * r);
    result.square = 2 * s * s * (1 - 5 * r);
    log_share = -0.5 * beta * beta - std::log(-beta) - 0.9189385332046727 - r;
  } else {
    const double share = 0.5 * std::erfc(-beta * 0.7071067811865476);
    const double hazard = 0.3989422804014327 * std::exp(-0.5 * beta * beta) / share;
    result.mean = sd * (beta + hazard);
    result.square = sd * beta * result.mean + v;
    log_share = std::log(share);
  }
  result.log_evidence = -excess / m + 0.5 * v / (m * m) + log_share - std::log(m);
  return result;
}

}  // namespace

void ClockModel::start(const Vector& state) noexcept {
  state_ = state;
  covariance_ = {};
  // Anywhere within the round trip, and the least delays with it; but both the same.
  const double sd = state[kForward];
  loosen({1, 0, 0, 0}, sd);
  loosen({0, 1, 0, 0}, kSlopePrior);
  loosen({0, 0, 1, 1}, sd);
}

void ClockModel::advance(double seconds) noexcept {
  const double dt = std::clamp(seconds, 0.0, kMostSeconds);
  state_[kOffset] += state_[kSlope] * seconds;
  for (int j = 0; j < kStates; ++j) covariance_[kOffset][j] += seconds * covariance_[kSlope][j];
  for (int i = 0; i < kStates; ++i) covariance_[i][kOffset] += seconds * covariance_[i][kSlope];
  const double q = wander_ * wander_;
  covariance_[kOffset][kOffset] += q * dt * dt * dt / 3;
  covariance_[kOffset][kSlope] += q * dt * dt / 2;
  covariance_[kSlope][kOffset] += q * dt * dt / 2;
  covariance_[kSlope][kSlope] += q * dt;
  loosen({0, 0, 1, 1}, kDelayWander * std::sqrt(dt));
}

double ClockModel::observe(const Vector& along, double value, double scale_us) noexcept {
  const Vector gain = covariance_times(along);
  const double v = std::max(dot(along, gain), 0.0) + kStampNoise * kStampNoise;
  const double excess = value - dot(along, state_);
  const Excess near = expected_excess(excess, v, scale_us);
  const Excess far = expected_excess(excess, v, scale_us * kTailScale);
  const double top = std::max(near.log_evidence, far.log_evidence);
  const double near_weight = (1 - kTailShare) * std::exp(near.log_evidence - top);
  const double far_weight = kTailShare * std::exp(far.log_evidence - top);
  const double sum = near_weight + far_weight;
  const double mean = (near_weight * near.mean + far_weight * far.mean) / sum;
  const double square = (near_weight * near.square + far_weight * far.square) / sum;
  const double kept = (square - mean * mean) / v;
  if (!std::isfinite(mean) || !std::isfinite(kept)) return 0;
  // Between two hypotheses (near or far) the variance may grow, but not without end.
  correct(gain, v, excess - mean, std::clamp(kept, 1e-12, 1.5));
  return sum * scale_us * std::exp(std::clamp(top, -60.0, 60.0));
}

void ClockModel::correct(const Vector& gain, double variance, double shift, double kept) noexcept {
  for (int i = 0; i < kStates; ++i) {
    state_[i] += gain[i] / variance * shift;
    for (int j = 0; j < kStates; ++j)
      covariance_[i][j] -= gain[i] * gain[j] / variance * (1 - kept);
  }
}

void ClockModel::loosen(const Vector& direction, double by_us) noexcept {
  for (int i = 0; i < kStates; ++i)
    for (int j = 0; j < kStates; ++j)
      covariance_[i][j] += direction[i] * direction[j] * by_us * by_us;
}

void ClockModel::scale_variance(double factor) noexcept {
  for (Vector& row : covariance_)
    for (double& value : row) value *= factor;
}

void ClockModel::set_delay(Index delay, double value_us, double sd_us) noexcept {
  state_[delay] = value_us;
  for (int i = 0; i < kStates; ++i) covariance_[i][delay] = covariance_[delay][i] = 0;
  covariance_[delay][delay] = sd_us * sd_us;
}

void ClockModel::make_symmetric() noexcept {
  const Vector difference{0, 0, 1, -1};
  const Vector gain = covariance_times(difference);
  const double variance = std::max(dot(difference, gain), 0.0) + kSymmetryVariance;
  correct(gain, variance, -dot(difference, state_), kSymmetryVariance / variance);
}

ClockModel::Vector ClockModel::covariance_times(const Vector& along) const noexcept {
  Vector result;
  for (int i = 0; i < kStates; ++i) result[i] = dot(covariance_[i], along);
  return result;
}

double ClockModel::value(const Vector& along) const noexcept { return dot(along, state_); }

double ClockModel::variance(const Vector& along) const noexcept {
  return std::max(dot(along, covariance_times(along)), 0.0);
}

double ClockModel::earliness(const Vector& along, double value) const noexcept {
  const double v = variance(along) + kStampNoise * kStampNoise;
  return (dot(along, state_) - value) / std::sqrt(v);
}

double ClockModel::offset_variance(double seconds) const noexcept {
  const double ahead = std::clamp(seconds, 0.0, kMostSeconds);
  return variance({1, seconds, 0, 0}) + wander_ * wander_ * ahead * ahead * ahead / 3;
}

}  // namespace echostream::timing
