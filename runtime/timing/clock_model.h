// One hypothesis of how a peer's clock wanders, and what follows from it: a Kalman filter for
// measurements that are only ever late.
#pragma once

#include <array>

namespace echostream::timing {

/// The state is the offset (us), its slope (us/s, that is, ppm) and each direction's least delay
/// (us), with covariance. The frequency does a random walk of `wander` ppm per square root of a
/// second, as is usual for quartz.
///
/// A measurement is z = offset + forward delay, or z = backward delay - offset, plus a delay above
/// the least one. That excess is never negative and mostly small, so it is taken as exponential of
/// a known mean, and with one chance in ten as exponential of twenty times that mean. The state
/// given such a measurement is a normal distribution cut off on one side; it is replaced by the
/// normal one of the same mean and variance (assumed density filtering, Minka 2001). So a point far
/// above what is expected says next to nothing, and one below it moves the state at once.
class ClockModel {
 public:
  enum Index { kOffset, kSlope, kForward, kBackward, kStates };
  using Vector = std::array<double, kStates>;

  explicit ClockModel(double wander = 0) noexcept : wander_(wander) {}

  void start(const Vector& state) noexcept;
  void advance(double seconds) noexcept;
  /// `along` * state + excess = value, the excess having about the mean `scale_us`. Returns how
  /// likely that was, relative to other models.
  double observe(const Vector& along, double value, double scale_us) noexcept;
  /// The state may have moved along `direction` by about that many microseconds.
  void loosen(const Vector& direction, double by_us) noexcept;
  /// What is known is uncertain by a factor more.
  void scale_variance(double factor) noexcept;
  /// A delay about which nothing else is known any more.
  void set_delay(Index delay, double value_us, double sd_us) noexcept;
  /// Both directions take the same least time.
  void make_symmetric() noexcept;

  double value(const Vector& along) const noexcept;
  double variance(const Vector& along) const noexcept;
  /// By how many standard deviations a measurement is earlier than can be.
  double earliness(const Vector& along, double value) const noexcept;
  /// Of the offset, that many seconds from now.
  double offset_variance(double seconds) const noexcept;
  double operator[](Index index) const noexcept { return state_[index]; }

 private:
  Vector covariance_times(const Vector& along) const noexcept;
  void correct(const Vector& gain, double variance, double shift, double kept) noexcept;

  double wander_;
  Vector state_{};
  std::array<Vector, kStates> covariance_{};
};

}  // namespace echostream::timing
