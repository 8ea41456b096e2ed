#include "runtime/plugins/retry/retry_rules.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "tests/support/lab.pb.h"

namespace echostream::retry {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kHighest = std::numeric_limits<std::uint64_t>::max();
constexpr LocalTime kNow{100s};

RetryOptions with(const std::function<void(RetryPolicy&)>& change) {
  RetryOptions options;
  change(options.policies[0]);
  return options;
}

void expect_refused(const std::function<void(RetryPolicy&)>& change, std::string_view words) {
  const Status status = check(with(change));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << words;
  EXPECT_NE(status.message().find(words), std::string::npos) << status;
}

TEST(RetryRules, AreCheckedAndTheErrorNamesTheField) {
  EXPECT_TRUE(check(RetryOptions()).is_ok());
  expect_refused([](RetryPolicy& p) { p.methods = {}; }, "policies[0]: methods");
  expect_refused([](RetryPolicy& p) { p.methods = {"Robot"}; }, "'Robot' names no methods");
  for (const std::uint32_t attempts : {0, 1, 11}) {
    expect_refused([&](RetryPolicy& p) { p.max_attempts = attempts; }, "max_attempts: 2 to 10");
  }
  for (const StatusCode code : {StatusCode::kOk, StatusCode::kCancelled}) {
    expect_refused([&](RetryPolicy& p) { p.codes = {code}; }, "codes");
  }
  expect_refused([](RetryPolicy& p) { p.initial_backoff = 0ms; }, "initial_backoff");
  expect_refused([](RetryPolicy& p) { p.initial_backoff = 3s; }, "initial_backoff");
  expect_refused([](RetryPolicy& p) { p.multiplier = 0.5; }, "multiplier");
  expect_refused([](RetryPolicy& p) { p.multiplier = std::numeric_limits<double>::quiet_NaN(); },
                 "multiplier");
  expect_refused([](RetryPolicy& p) { p.attempt_timeout = -1ms; }, "attempt_timeout");
  expect_refused([](RetryPolicy& p) { p.retry_share = 1.1; }, "retry_share");
}

TEST(RetryRules, RefuseAMethodThatMustNotBeCalledTwice) {
  // Links the .proto in, as its use does in a program.
  ASSERT_NE(lab::v1::Text::descriptor(), nullptr);
  expect_refused(
      [](RetryPolicy& p) {
        p.methods = {"lab.v1.Lab/Echo", "lab.v1.Lab/Fail"};
      },
      "'lab.v1.Lab/Fail' must not be called twice");
  expect_refused([](RetryPolicy& p) { p.methods = {"lab.v1.Lab/CountUp"}; }, "idempotent: true");
  expect_refused([](RetryPolicy& p) { p.methods = {"lab.v1.Lab/Note"}; }, "idempotency_level");
  // One says so with our option, one with protobuf's.
  EXPECT_TRUE(check(with([](RetryPolicy& p) { p.methods = {"lab.v1.Lab/WhoAmI"}; })).is_ok());
  EXPECT_TRUE(check(with([](RetryPolicy& p) { p.methods = {"lab.v1.Lab/Echo"}; })).is_ok());
  // Whole services leave such methods out, and of others nothing is known.
  EXPECT_TRUE(check(with([](RetryPolicy& p) { p.methods = {"lab.v1.Lab/*"}; })).is_ok());
  EXPECT_TRUE(check(with([](RetryPolicy& p) { p.methods = {"far.v1.Away/Gone"}; })).is_ok());
}

Metadata after(std::string value) { return Metadata{{kRetryAfterKey, std::move(value)}}; }

TEST(Pushback, IsReadAsMilliseconds) {
  EXPECT_FALSE(parse_pushback({}).after);
  EXPECT_TRUE(parse_pushback({}).may_retry);
  EXPECT_EQ(parse_pushback(after("0")).after, 0ms);
  EXPECT_EQ(parse_pushback(after("1500")).after, 1500ms);
  EXPECT_EQ(parse_pushback(after("60000")).after, 60s);
}

TEST(Pushback, SaysNotToComeAgainWhenItCannotBeReadOrIsTooLong) {
  for (const char* value : {"", "-1", "+5", " 5", "5 ", "1.5", "60001", "99999999999", "soon"}) {
    EXPECT_FALSE(parse_pushback(after(value)).may_retry) << value;
  }
}

class Decide : public testing::Test {
 protected:
  Decision now(StatusCode code, Pushback pushback = {}) {
    attempt.code = code;
    attempt.pushback = pushback;
    attempt.now = kNow;
    return decide(policy, attempt, backoff, budget, random);
  }
  RetryPolicy policy;
  Attempt attempt;
  Backoff backoff{50ms, 2s, 2};
  RetryBudget budget{0.1, 10};
  std::uint64_t random = kHighest;
};

TEST_F(Decide, RetriesOnlyTheCodesThatItWasTold) {
  for (int code = 1; code <= 16; ++code) {
    const auto status = static_cast<StatusCode>(code);
    EXPECT_EQ(now(status).verdict == Verdict::kAgain, status == StatusCode::kUnavailable) << code;
  }
}

TEST_F(Decide, RetriesWhatIsExhaustedOnlyWhenTheServerSaysWhen) {
  EXPECT_EQ(now(StatusCode::kResourceExhausted).verdict, Verdict::kFinal);
  random = 0;
  const Decision decision = now(StatusCode::kResourceExhausted, {true, 700ms});
  EXPECT_EQ(decision.verdict, Verdict::kAgain);
  EXPECT_EQ(decision.at, kNow + 700ms);
  EXPECT_EQ(now(StatusCode::kResourceExhausted, {false, {}}).verdict, Verdict::kRefused);
}

TEST_F(Decide, SpreadsThoseWhoWereToldTheSameTime) {
  const Decision decision = now(StatusCode::kUnavailable, {true, 700ms});
  EXPECT_GT(decision.at, kNow + 749ms);
  EXPECT_LT(decision.at, kNow + 750ms);
}

TEST_F(Decide, WaitsLongerEachTimeUpToTheMost) {
  policy.max_attempts = 10;
  for (const Duration bound : {50ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
    const Decision decision = now(StatusCode::kUnavailable);
    EXPECT_LT(decision.at, kNow + bound);
    EXPECT_GT(decision.at, kNow + bound - 1ms);
    ++attempt.number;
  }
}

TEST_F(Decide, StopsAtTheMostAttempts) {
  attempt.number = 2;
  EXPECT_EQ(now(StatusCode::kUnavailable).verdict, Verdict::kAgain);
  attempt.number = 3;
  EXPECT_EQ(now(StatusCode::kUnavailable).verdict, Verdict::kTooManyAttempts);
}

TEST_F(Decide, DoesNotWaitForATimeAtWhichTheCallIsOver) {
  attempt.deadline = kNow + 700ms;
  random = 0;
  EXPECT_EQ(now(StatusCode::kUnavailable, {true, 700ms}).verdict, Verdict::kNoTime);
  EXPECT_EQ(now(StatusCode::kUnavailable, {true, 699ms}).verdict, Verdict::kAgain);
}

TEST_F(Decide, RetriesAnAttemptThatTookTooLongButNotACallThatDid) {
  EXPECT_EQ(now(StatusCode::kDeadlineExceeded).verdict, Verdict::kFinal);
  attempt.timed_out = true;
  EXPECT_EQ(now(StatusCode::kDeadlineExceeded).verdict, Verdict::kAgain);
}

TEST_F(Decide, PaysOnlyForWhatIsMadeAgain) {
  budget = RetryBudget(0, 1);
  (void)now(StatusCode::kNotFound);
  attempt.number = 3;
  (void)now(StatusCode::kUnavailable);
  attempt.number = 1;
  (void)now(StatusCode::kUnavailable, {false, {}});
  EXPECT_EQ(now(StatusCode::kUnavailable).verdict, Verdict::kAgain);
  EXPECT_EQ(now(StatusCode::kUnavailable).verdict, Verdict::kNoBudget);
}

}  // namespace
}  // namespace echostream::retry
