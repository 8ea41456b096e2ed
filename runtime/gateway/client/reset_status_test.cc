#include "runtime/gateway/client/reset_status.h"

#include <gmock/gmock.h>

#include "runtime/http3/http3_error.h"

namespace echostream::gateway {
namespace {

using http3::Http3Error;
using ::testing::HasSubstr;

Status of(Http3Error code) { return reset_status(static_cast<std::uint64_t>(code)); }

TEST(ResetStatus, NamesTheCodeAndSaysWhatMayBeDone) {
  EXPECT_EQ(of(Http3Error::kRequestRejected).code(), StatusCode::kUnavailable);
  EXPECT_THAT(of(Http3Error::kRequestRejected).to_string(),
              HasSubstr("did not process the request (H3_REQUEST_REJECTED)"));
  EXPECT_EQ(of(Http3Error::kRequestCancelled).code(), StatusCode::kCancelled);
  EXPECT_EQ(of(Http3Error::kExcessiveLoad).code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(of(Http3Error::kInternalError).to_string(), HasSubstr("(H3_INTERNAL_ERROR)"));
  EXPECT_THAT(reset_status(0x4242).to_string(), HasSubstr("(error code 0x4242)"));
}

TEST(ResetStatus, OfALostConnectionSaysWhoEndedItAndWhy) {
  transport::CloseInfo info;
  info.status = Status(StatusCode::kUnavailable, "nothing arrived for 30 s");
  EXPECT_EQ(lost_status(info).to_string(),
            "UNAVAILABLE: the connection was lost: nothing arrived for 30 s");
  info.application_code = 0x107;
  info.by_peer = true;
  info.reason = "too many";
  EXPECT_EQ(lost_status(info).to_string(),
            "UNAVAILABLE: the server closed the connection (H3_EXCESSIVE_LOAD): too many");
  info.by_peer = false;
  info.status = Status(StatusCode::kUnavailable, "this side closed the session: a large section");
  EXPECT_EQ(lost_status(info).to_string(),
            "UNAVAILABLE: this side closed the session: a large section (H3_EXCESSIVE_LOAD)");
}

}  // namespace
}  // namespace echostream::gateway
