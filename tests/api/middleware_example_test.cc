// The example of docs/middleware.md.
#include <gmock/gmock.h>

#include <map>

#include "echostream/middleware.h"

#include "tests/support/lab.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

// Serving side: who may call, and how long it took.
class Doorman final : public Middleware {
 public:
  explicit Doorman(std::string key) : key_(std::move(key)) {}
  std::string_view name() const override { return "doorman"; }
  // The health check is open to all: calls of it do not pass this layer.
  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override {
    return side == InterceptedCall::Side::kServer && method.full_name != "acme.v1.Health/Check";
  }
  Task<Status> serve(InterceptedCall& call, Next next) override {
    if (call.metadata().find("x-key") != key_) {
      co_return Status(StatusCode::kUnauthenticated, "x-key is missing or wrong");
    }
    const LocalTime begin = call.executor().now();
    Status status = co_await next();
    Times& times = times_[&call.method()];
    ++times.calls;
    times.total += call.executor().now() - begin;
    co_return status;
  }

  struct Times {
    int calls = 0;
    Duration total{};
  };
  const Times& times_of(const MethodInfo& method) { return times_[&method]; }

 private:
  std::string key_;
  std::map<const MethodInfo*, Times> times_;
};

// Calling side: the key, and a second and third attempt where that does no harm.
class KeyBearer final : public Middleware {
 public:
  explicit KeyBearer(std::string key) : key_(std::move(key)) {}
  std::string_view name() const override { return "key_bearer"; }
  Task<Status> call(InterceptedCall& call, Next next) override {
    call.metadata().add("x-key", key_);
    for (int attempt = 1;; ++attempt) {
      Status status = co_await next();
      const bool can_help = status.code() == StatusCode::kUnavailable && call.method().idempotent;
      if (!can_help || attempt == 3) co_return status;
      const LocalTime pause_end = deadline_after(call.executor().now(), attempt * 50ms);
      if (pause_end >= call.deadline()) co_return status;
      const WaitResult result = co_await sleep_until(pause_end);
      if (result == WaitResult::kCancelled) co_return status;
    }
  }

 private:
  std::string key_;
};

TEST(MiddlewareExample, DoesWhatItsPageSays) {
  Lab lab;
  lab.connect();
  const auto doorman = std::make_shared<Doorman>("sesame");
  lab.server_node->add_middleware(doorman);
  auto refused = lab.run(lab.client().Delay(text("x")));
  EXPECT_EQ(refused->status().code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(lab.server_handler->calls, 0);

  lab.client_node->add_middleware(std::make_shared<KeyBearer>("sesame"));
  lab::v1::Text request;
  request.set_number(25);
  auto reply = lab.run(lab.client().Delay(request));
  EXPECT_TRUE(reply && *reply) << reply->status();
  for (const MethodInfo& method : lab.server_handler->info().methods) {
    const Doorman::Times times = doorman->times_of(method);
    EXPECT_EQ(times.calls, method.name == "Delay" ? 1 : 0);
    if (method.name == "Delay") {
      EXPECT_GE(times.total, 25ms);
      EXPECT_LT(times.total, 30ms);
    }
  }

  lab.at_client->close();
  const LocalTime before = lab.client_loop().now();
  auto tried = lab.run(lab.client().Echo(text("x")));
  EXPECT_EQ(tried->status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(lab.client_loop().now() - before, 150ms) << "three attempts";
}

}  // namespace
}  // namespace echostream::testing
