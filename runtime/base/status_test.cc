#include "echostream/base/status.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <utility>

namespace echostream {
namespace {

TEST(Status, OkHasNeitherMessageNorDetails) {
  Status ok = Status::ok();
  ok.add_detail({"type", "value"});
  EXPECT_TRUE(ok.is_ok());
  EXPECT_EQ(ok.code(), StatusCode::kOk);
  EXPECT_EQ(ok.message(), "");
  EXPECT_TRUE(ok.details().empty());
  EXPECT_EQ(ok, Status(StatusCode::kOk, "dropped"));
  EXPECT_EQ(ok.with_context("calling"), ok);
  EXPECT_EQ(ok.to_string(), "OK");
}

TEST(Status, IsAValue) {
  Status error = Status(StatusCode::kNotFound, "no robot").add_detail({"type", "value"});
  const Status copy = error;
  EXPECT_EQ(copy, error);
  error.add_detail({"more", ""});
  EXPECT_NE(copy, error) << "a copy shares nothing";
  const Status moved = std::move(error);
  EXPECT_EQ(moved.details().size(), 2u);
  error = moved;
  error = *&error;
  EXPECT_EQ(error, moved);
  error = Status();
  EXPECT_TRUE(error.is_ok());
}

TEST(Status, DiffersByCodeMessageOrDetails) {
  const Status status(StatusCode::kAborted, "a");
  EXPECT_NE(status, Status(StatusCode::kInternal, "a"));
  EXPECT_NE(status, Status(StatusCode::kAborted, "b"));
  EXPECT_NE(status, Status(status).add_detail({"t", "v"}));
}

TEST(Status, TakesContextInFrontOfItsMessageAndKeepsTheRest) {
  const Status status = Status(StatusCode::kInternal, "broken").add_detail({"t", "v"});
  const Status wider = status.with_context("calling Grip");
  EXPECT_EQ(wider.to_string(), "INTERNAL: calling Grip: broken");
  EXPECT_EQ(wider.details(), status.details());
  EXPECT_EQ(status.message(), "broken");
  EXPECT_EQ(Status(StatusCode::kAborted, "").to_string(), "ABORTED");
}

TEST(Status, EveryCodeHasTheNameAndNumberOfGrpc) {
  const char* const names[] = {"OK",
                               "CANCELLED",
                               "UNKNOWN",
                               "INVALID_ARGUMENT",
                               "DEADLINE_EXCEEDED",
                               "NOT_FOUND",
                               "ALREADY_EXISTS",
                               "PERMISSION_DENIED",
                               "RESOURCE_EXHAUSTED",
                               "FAILED_PRECONDITION",
                               "ABORTED",
                               "OUT_OF_RANGE",
                               "UNIMPLEMENTED",
                               "INTERNAL",
                               "UNAVAILABLE",
                               "DATA_LOSS",
                               "UNAUTHENTICATED"};
  for (std::uint64_t number = 0; number < std::size(names); ++number) {
    const StatusCode code = status_code_from_wire(number);
    EXPECT_EQ(static_cast<std::uint64_t>(code), number);
    EXPECT_EQ(to_string(code), names[number]);
  }
  EXPECT_EQ(status_code_from_wire(17), StatusCode::kUnknown);
  EXPECT_EQ(status_code_from_wire(UINT64_MAX), StatusCode::kUnknown);
  EXPECT_EQ(to_string(static_cast<StatusCode>(99)), "UNKNOWN");
}

TEST(Status, PrintsItself) {
  std::ostringstream out;
  out << Status(StatusCode::kDataLoss, "gone") << ' ' << StatusCode::kOk;
  EXPECT_EQ(out.str(), "DATA_LOSS: gone OK");
}

}  // namespace
}  // namespace echostream
