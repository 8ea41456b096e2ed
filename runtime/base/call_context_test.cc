#include "echostream/base/call_context.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace echostream {
namespace {

class Listener final : public CallContext::Listener {
 public:
  explicit Listener(std::function<void()> function) : function_(std::move(function)) {}

 private:
  void on_cancel() override { function_(); }
  std::function<void()> function_;
};

TEST(CallContext, TellsEachListenerOnce) {
  CallContext context;
  int heard = 0;
  Listener a([&] { ++heard; });
  Listener b([&] { ++heard; });
  context.listen(a);
  context.listen(b);
  context.listen(a);
  EXPECT_FALSE(context.is_cancelled());
  context.cancel();
  context.cancel();
  EXPECT_TRUE(context.is_cancelled());
  EXPECT_EQ(heard, 2);
}

TEST(CallContext, AListenerThatIsGoneOrNoLongerListensHearsNothing) {
  CallContext context;
  int heard = 0;
  Listener kept([&] { ++heard; });
  Listener stopped([&] { heard += 10; });
  auto gone = std::make_unique<Listener>([&] { heard += 100; });
  for (Listener* listener : {&stopped, &kept, gone.get()}) context.listen(*listener);
  stopped.unlisten();
  gone.reset();
  context.cancel();
  EXPECT_EQ(heard, 1);
}

TEST(CallContext, AListenerMayTakeOthersAwayFromInside) {
  CallContext context;
  int heard = 0;
  std::unique_ptr<Listener> a;
  std::unique_ptr<Listener> b;
  a = std::make_unique<Listener>([&] {
    ++heard;
    b.reset();
  });
  b = std::make_unique<Listener>([&] {
    ++heard;
    a.reset();
  });
  context.listen(*a);
  context.listen(*b);
  context.cancel();
  EXPECT_EQ(heard, 1);
}

TEST(CallContext, AListenerMovesToTheContextItListensToLast) {
  CallContext first;
  CallContext second;
  int heard = 0;
  Listener listener([&] { ++heard; });
  first.listen(listener);
  second.listen(listener);
  first.cancel();
  EXPECT_EQ(heard, 0);
  second.cancel();
  EXPECT_EQ(heard, 1);
}

TEST(CallContext, MayGoAwayBeforeItsListeners) {
  Listener listener([] { FAIL(); });
  std::optional<CallContext> context(std::in_place);
  context->listen(listener);
  context.reset();
  listener.unlisten();
}

TEST(CallContext, ItsStopTokenIsStoppedWhetherAskedForBeforeOrAfter) {
  CallContext context;
  const std::stop_token before = context.stop_token();
  EXPECT_FALSE(before.stop_requested());
  context.cancel();
  EXPECT_TRUE(before.stop_requested());
  CallContext other;
  other.cancel();
  EXPECT_TRUE(other.stop_token().stop_requested());
}

TEST(CallContext, KeepsItsDeadline) {
  CallContext context;
  EXPECT_EQ(context.deadline(), kNever);
  context.set_deadline(LocalTime(std::chrono::seconds(5)));
  EXPECT_EQ(context.deadline(), LocalTime(std::chrono::seconds(5)));
}

}  // namespace
}  // namespace echostream
