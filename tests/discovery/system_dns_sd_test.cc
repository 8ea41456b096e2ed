// make_system_dns_sd() where there is no daemon, which takes no network of one's own. The rest is
// in dns_sd_test.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "echostream/discovery/dns_sd.h"
#include "echostream/loop.h"

namespace echostream::discovery {
namespace {

using ::testing::HasSubstr;

constexpr Duration kLimit = std::chrono::seconds(20);

class SystemDnsSd : public ::testing::Test {
 protected:
  SystemDnsSd() {
    // Before libdbus reads it, which it does once.
    EXPECT_EQ(::setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1), 0);
    loop_ = *make_loop();
  }

  // False when that does not come true.
  bool run_until(const std::function<bool()>& done) {
    struct Poll final : TimerNode {
      Poll(Loop& on, const std::function<bool()>& until) : loop(on), is_done(until) {}
      void on_timer(LocalTime now) override {
        if (is_done() || now >= end) return loop.stop();
        loop.arm(*this, now + std::chrono::milliseconds(1));
      }
      Loop& loop;
      const std::function<bool()>& is_done;
      LocalTime end = loop.now() + kLimit;
    } poll(*loop_, done);
    loop_->arm(poll, loop_->now());
    loop_->run();
    return done();
  }
  DnsSd::StatusCallback append_to(std::vector<std::string>& said) {
    return [&said](const Status& status) { said.push_back(status.to_string()); };
  }

  std::unique_ptr<Loop> loop_;
};

TEST_F(SystemDnsSd, SaysWhatIsMissingAndEndsAllThatWaitedForIt) {
  std::vector<std::string> said, published, found, resolved;
  const auto dns_sd = make_system_dns_sd(*loop_);
  // None of them is known to be in vain yet.
  const auto watch = dns_sd->watch_status(append_to(said));
  Registration registration;
  registration.name = "camera";
  const auto publication = dns_sd->publish(registration, append_to(published));
  const auto browsing = dns_sd->browse(kServiceType, [&](Result<InstanceEvent> event) {
    found.push_back(event.status().to_string());
  });
  const auto resolving = dns_sd->resolve(Instance(), [&](Result<ResolvedInstance> answer) {
    resolved.push_back(answer.status().to_string());
  });
  EXPECT_TRUE(said.empty());
  ASSERT_TRUE(run_until(
      [&] { return !said.empty() && !published.empty() && !found.empty() && !resolved.empty(); }));
  for (const auto& all : {said, published, found, resolved}) {
    EXPECT_EQ(all.size(), 1u);
    EXPECT_THAT(all[0], HasSubstr("UNAVAILABLE: there is no D-Bus system bus"));
  }
}

TEST_F(SystemDnsSd, RefusesWhatCannotBeAskedForFromTheLoopOnly) {
  std::vector<std::string> said, published, found;
  const auto dns_sd = make_system_dns_sd(*loop_);
  Registration registration;
  registration.name = "caf\xE9";
  const auto publication = dns_sd->publish(registration, append_to(published));
  const auto browsing = dns_sd->browse(std::string("_a\0b", 4), [&](Result<InstanceEvent> event) {
    found.push_back(event.status().to_string());
  });
  EXPECT_TRUE(published.empty());
  ASSERT_TRUE(run_until([&] { return !published.empty() && !found.empty(); }));
  EXPECT_THAT(published[0], HasSubstr("INVALID_ARGUMENT"));
  EXPECT_THAT(found[0], HasSubstr("INVALID_ARGUMENT"));
}

TEST_F(SystemDnsSd, MayBeDestroyedByItsOwnCallbacks) {
  int called = 0;
  auto dns_sd = make_system_dns_sd(*loop_);
  std::unique_ptr<Pending> watch, browsing, other;
  const auto end = [&] {
    ++called;
    dns_sd.reset();
    watch.reset();
    browsing.reset();
  };
  watch = dns_sd->watch_status([&](const Status&) { end(); });
  browsing = dns_sd->browse(kServiceType, [&](Result<InstanceEvent>) { end(); });
  other = dns_sd->browse(kServiceType, [&](Result<InstanceEvent>) { end(); });
  ASSERT_TRUE(run_until([&] { return called > 0; }));
  (void)run_until(
      [&, until = loop_->now() + std::chrono::milliseconds(50)] { return loop_->now() >= until; });
  // What is left of it is silent.
  EXPECT_EQ(called, 1);
  other.reset();
}

TEST_F(SystemDnsSd, WaitsForTheSystemToHaveRoomForItsThread) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::vector<std::string> said;
  const auto dns_sd = make_system_dns_sd(*loop_);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  const auto watch = dns_sd->watch_status(append_to(said));
  ASSERT_TRUE(run_until([&] { return said.size() == 2; }));
  EXPECT_THAT(said[0], HasSubstr("UNAVAILABLE: the system gives no event loop"));
  EXPECT_THAT(said[1], HasSubstr("UNAVAILABLE: there is no D-Bus system bus"));
}

}  // namespace
}  // namespace echostream::discovery
