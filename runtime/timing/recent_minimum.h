// The least of the values of the last while.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace echostream::timing {

/// Kept per twentieth of the window: constant memory and a bounded cost at any rate of values.
/// Times are microseconds; one that runs backwards counts as the newest.
class RecentMinimum {
 public:
  explicit RecentMinimum(double window) : slot_length_(window / kSlots) {}

  void add(double time, double value);
  double value() const noexcept { return value_; }

 private:
  static constexpr std::int64_t kSlots = 20;

  double& slot(std::int64_t number);

  double slot_length_;
  std::array<double, kSlots> slots_{};
  std::int64_t newest_ = 0;
  bool is_empty_ = true;
  double value_ = 0;
};

}  // namespace echostream::timing
