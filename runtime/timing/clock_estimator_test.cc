#include "runtime/timing/clock_estimator.h"

#include <gtest/gtest.h>

#include "runtime/timing/clock_arithmetic.h"

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;
using Outcome = ClockEstimator::Outcome;

RemoteTime remote(LocalTime time, Duration offset) {
  return RemoteTime(Duration(wrapping_sum(count_of(time), offset.count())));
}

class ClockEstimatorTest : public ::testing::Test {
 protected:
  Outcome forward(Duration delay = 1ms) {
    return estimator_.add_forward(now_, remote(now_ + delay, offset_));
  }
  Outcome backward(Duration delay = 1ms) {
    return estimator_.add_backward(remote(now_ - delay, offset_), now_);
  }
  void run(int count) {
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(forward(), Outcome::kUsed);
      now_ += 2ms;
      EXPECT_EQ(backward(), Outcome::kUsed);
      now_ += 198ms;
    }
  }
  Duration error() const { return estimator_.estimate(now_).offset - offset_; }

  ClockEstimator estimator_;
  LocalTime now_{10s};
  Duration offset_ = -72h;
};

TEST_F(ClockEstimatorTest, GivesWhatIsLikelyAndWhatIsCertain) {
  run(50);
  const auto estimate = estimator_.estimate(now_);
  EXPECT_LT(std::chrono::abs(error()), 2us);
  EXPECT_NEAR(estimate.above_us, 1000, 60);
  EXPECT_NEAR(estimate.below_us, 1000, 60);
  EXPECT_LT(estimate.error_us, 100);
  EXPECT_TRUE(estimate.path_is_settled);
  EXPECT_EQ(estimator_.line(now_).offset, estimate.offset);
}

TEST_F(ClockEstimatorTest, TheClockOfALineDriftsByItsSkew) {
  const ClockLine line{LocalTime(5s), 1h, 20};
  EXPECT_DOUBLE_EQ(line.drift_us(LocalTime(8s)), 60);
  EXPECT_DOUBLE_EQ(line.drift_us(LocalTime(4s)), -20);
}

TEST_F(ClockEstimatorTest, AContradictionBeginsAnewWithWholeExchanges) {
  run(50);
  offset_ += 5s;  // the requests seem slow, the replies impossible
  EXPECT_EQ(forward(), Outcome::kUsed);
  now_ += 2ms;
  EXPECT_EQ(backward(), Outcome::kContradiction);
  EXPECT_TRUE(estimator_.is_known());
  EXPECT_LT(std::chrono::abs(error()), 1ms);
  run(20);
  offset_ -= 9s;  // the requests are impossible
  EXPECT_EQ(forward(), Outcome::kContradiction);
  EXPECT_FALSE(estimator_.is_known());
  now_ += 2ms;
  EXPECT_EQ(backward(), Outcome::kUsed);
  EXPECT_LT(std::chrono::abs(error()), 1ms);
}

TEST_F(ClockEstimatorTest, AfterARestartOlderPointsAreIgnored) {
  run(50);
  const LocalTime before = now_ - 100ms;
  const Duration old = offset_;
  offset_ += 5s;
  now_ += 10s;
  backward();
  EXPECT_EQ(estimator_.add_backward(remote(before - 1ms, old), before), Outcome::kIgnored);
  EXPECT_EQ(estimator_.add_forward(before, remote(before + 1ms, old)), Outcome::kIgnored);
}

TEST_F(ClockEstimatorTest, TheTrueTimeOfAReplyTightensWhatTheEarlyOneSaid) {
  run(50);
  forward();
  now_ += 8ms;
  // The reply was made 6 ms before it left.
  backward(7ms);
  const double early = estimator_.estimate(now_).below_us;
  backward(1ms);
  EXPECT_LT(estimator_.estimate(now_).below_us, early);
  EXPECT_LT(std::chrono::abs(error()), 5us);
}

TEST_F(ClockEstimatorTest, APathChangeIsUnsettledForTenSecondsAndWider) {
  run(50);
  const auto before = estimator_.estimate(now_);
  estimator_.handle_path_change(now_);
  const auto after = estimator_.estimate(now_);
  EXPECT_FALSE(after.path_is_settled);
  EXPECT_GT(after.below_us, before.below_us * 1.4);
  EXPECT_GT(after.above_us, before.above_us * 1.4);
  EXPECT_EQ(after.offset, before.offset);
  EXPECT_TRUE(estimator_.estimate(now_ + 10s).path_is_settled);
}

TEST_F(ClockEstimatorTest, ImpossibleLocalTimesAreIgnored) {
  run(10);
  EXPECT_EQ(estimator_.add_forward(now_ + 24h * 365 * 40, RemoteTime(0s)), Outcome::kIgnored);
  EXPECT_EQ(estimator_.add_forward(LocalTime::min(), RemoteTime(0s)), Outcome::kIgnored);
  EXPECT_LT(std::chrono::abs(error()), 100us);
}

}  // namespace
}  // namespace echostream::timing
