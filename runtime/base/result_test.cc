#include "echostream/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

namespace echostream {
namespace {

Result<std::unique_ptr<int>> make(bool works) {
  if (!works) return Status(StatusCode::kNotFound, "none");
  return std::make_unique<int>(7);
}

TEST(Result, HoldsAValueThatCanBeMovedOut) {
  auto result = make(true);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result.status().is_ok());
  EXPECT_EQ(**result, 7);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, HoldsAnErrorThatCanBeMovedOut) {
  auto result = make(false);
  EXPECT_FALSE(result);
  EXPECT_EQ(result.status(), Status(StatusCode::kNotFound, "none"));
  const Status taken = std::move(result).error();
  EXPECT_EQ(taken.message(), "none");
}

TEST(Result, FallsBackToAnotherValue) {
  const Result<std::string> good = "good";
  const Result<std::string> bad = Status(StatusCode::kAborted, "");
  EXPECT_EQ(good.value_or("other"), "good");
  EXPECT_EQ(bad.value_or("other"), "other");
  EXPECT_EQ(Result<std::string>(Status(StatusCode::kAborted, "")).value_or("moved"), "moved");
  EXPECT_EQ(good->size(), 4u);
}

TEST(ResultDeathTest, ReadingTheValueOfAnErrorAbortsWithTheErrorsText) {
  const Result<int> bad = Status(StatusCode::kNotFound, "no robot");
  EXPECT_DEATH((void)*bad, "NOT_FOUND: no robot");
}

TEST(Result, MadeOfAnOkStatusIsAnErrorAndNotTheEndOfTheProcess) {
  const Result<int> slip = Status();
  ASSERT_FALSE(slip);
  EXPECT_EQ(slip.error().code(), StatusCode::kInternal);
}

TEST(ResultDeathTest, AnErrorMustNotBeReadFromAValue) {
  const Result<int> good = 1;
  EXPECT_DEATH((void)good.error(), "has a value");
}

}  // namespace
}  // namespace echostream
