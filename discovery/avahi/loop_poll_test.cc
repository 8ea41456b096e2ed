#include "discovery/avahi/loop_poll.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace echostream::discovery {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

// A loop whose time the test sets, and which says that a descriptor is ready when the test does.
class FdLoop final : public Loop {
 public:
  LocalTime now() const override { return now_; }
  WallTime wall_time() const override { return kStart + now_.time_since_epoch(); }
  void arm(TimerNode& node, LocalTime deadline) override { timers_.arm(node, deadline); }
  Result<std::unique_ptr<Pending>> watch_fd(int fd, bool readable, bool writable,
                                            UniqueFunction<void()> callback) override {
    if (has_no_fds) return Status(StatusCode::kUnavailable, "out of file descriptors");
    const int id = next_id_++;
    watches_[id] = {fd, readable, writable,
                    std::make_shared<UniqueFunction<void()>>(std::move(callback))};
    return std::unique_ptr<Pending>(std::make_unique<FdWatch>(*this, id));
  }
  // What the adapter has no need of.
  void schedule(ReadyNode&) override { ADD_FAILURE(); }
  void post(UniqueFunction<void()>) override { ADD_FAILURE(); }
  void run() noexcept override { ADD_FAILURE(); }
  void stop() override { ADD_FAILURE(); }
  Result<std::unique_ptr<UdpSocket>> open_udp(const UdpOptions&, UdpHandler&) override {
    return Status(StatusCode::kUnimplemented, "not here");
  }
  std::unique_ptr<Pending> resolve(const std::string&, std::uint16_t, ResolveCallback) override {
    return nullptr;
  }
  Result<std::unique_ptr<Pending>> watch_stop_signals(UniqueFunction<void(int)>) override {
    return Status(StatusCode::kUnimplemented, "not here");
  }
  void fill_random(MutableBytes) override { ADD_FAILURE(); }

  void run_for(Duration duration) {
    const LocalTime end = now_ + duration;
    while (timers_.next_deadline() <= end) {
      now_ = std::max(now_, timers_.next_deadline());
      (void)timers_.fire(now_);
    }
    now_ = end;
  }
  // What a poll would: each that is watched, once, those excepted that are gone by then.
  void report(int fd) {
    std::vector<int> ids;
    for (const auto& [id, watched] : watches_) {
      if (watched.fd == fd) ids.push_back(id);
    }
    for (const int id : ids) {
      const auto found = watches_.find(id);
      if (found == watches_.end()) continue;
      const auto callback = found->second.callback;
      (*callback)();
    }
  }
  std::size_t watches() const { return watches_.size(); }
  std::string watched(int fd) const {
    for (const auto& [id, watched] : watches_) {
      if (watched.fd == fd) {
        return std::string(watched.readable ? "r" : "") + (watched.writable ? "w" : "");
      }
    }
    return "";
  }

  bool has_no_fds = false;

 private:
  struct Watched {
    int fd;
    bool readable;
    bool writable;
    std::shared_ptr<UniqueFunction<void()>> callback;
  };
  struct FdWatch final : Pending {
    FdWatch(FdLoop& owner, int number) : loop(owner), id(number) {}
    ~FdWatch() override { loop.watches_.erase(id); }
    FdLoop& loop;
    int id;
  };

  static constexpr WallTime kStart{hours(24 * 365 * 50)};

  LocalTime now_{seconds(1000)};
  TimerQueue timers_;
  std::map<int, Watched> watches_;
  int next_id_ = 0;
};

// A callback of avahi's that is a function of the test's.
struct OnWatch {
  std::function<void(AvahiWatch*, AvahiWatchEvent)> run;
  static void call(AvahiWatch* watch, int, AvahiWatchEvent events, void* self) {
    // A copy: what runs may destroy the object.
    const auto running = static_cast<OnWatch*>(self)->run;
    running(watch, events);
  }
};
struct OnTimeout {
  std::function<void(AvahiTimeout*)> run;
  static void call(AvahiTimeout* timeout, void* self) {
    const auto running = static_cast<OnTimeout*>(self)->run;
    running(timeout);
  }
};

class LoopPollTest : public ::testing::Test {
 protected:
  LoopPollTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_.data()), 0);
  }
  ~LoopPollTest() override {
    for (const int fd : fds_) {
      if (fd >= 0) ::close(fd);
    }
  }

  timeval time_of_day_in(Duration duration) const {
    const Duration at = loop_.wall_time().time_since_epoch() + duration;
    const auto whole = std::chrono::floor<std::chrono::microseconds>(at).count();
    return {whole / 1'000'000, whole % 1'000'000};
  }
  AvahiTimeout* timeout_in(Duration duration, OnTimeout& on) {
    const timeval at = time_of_day_in(duration);
    return api_->timeout_new(api_, &at, OnTimeout::call, &on);
  }
  AvahiWatch* watch(int events, OnWatch& on) {
    return api_->watch_new(api_, fds_[0], static_cast<AvahiWatchEvent>(events), OnWatch::call, &on);
  }
  void close_other_end() {
    ::close(fds_[1]);
    fds_[1] = -1;
  }
  void write_other_end() { EXPECT_EQ(::write(fds_[1], "x", 1), 1); }

  std::array<int, 2> fds_{-1, -1};
  FdLoop loop_;
  LoopPoll poll_{loop_};
  const AvahiPoll* api_ = poll_.get();
};

TEST_F(LoopPollTest, FiresATimeoutAtItsTimeOfDayAndOnce) {
  std::vector<Duration> fired;
  const LocalTime start = loop_.now();
  OnTimeout on{[&](AvahiTimeout*) { fired.push_back(loop_.now() - start); }};
  AvahiTimeout* timeout = timeout_in(milliseconds(1500), on);
  EXPECT_THAT(fired, ElementsAre());
  loop_.run_for(hours(1));
  EXPECT_THAT(fired, ElementsAre(milliseconds(1500)));
  api_->timeout_free(timeout);
}

TEST_F(LoopPollTest, FiresWhatIsOverdueSoonButNotFromInsideTheCall) {
  int fired = 0;
  OnTimeout on{[&](AvahiTimeout*) { ++fired; }};
  const timeval past{0, 0};
  AvahiTimeout* timeout = api_->timeout_new(api_, &past, OnTimeout::call, &on);
  EXPECT_EQ(fired, 0);
  loop_.run_for(milliseconds(1));
  EXPECT_EQ(fired, 1);
  api_->timeout_update(timeout, &past);
  EXPECT_EQ(fired, 1);
  loop_.run_for(milliseconds(1));
  EXPECT_EQ(fired, 2);
  api_->timeout_free(timeout);
}

TEST_F(LoopPollTest, FiresTimeoutsInTheOrderOfTheirTimesAndEqualOnesAsTheyWereSet) {
  std::vector<std::string> order;
  OnTimeout a{[&](AvahiTimeout*) { order.push_back("a"); }};
  OnTimeout b{[&](AvahiTimeout*) { order.push_back("b"); }};
  OnTimeout c{[&](AvahiTimeout*) { order.push_back("c"); }};
  const std::vector<AvahiTimeout*> all = {timeout_in(seconds(3), a), timeout_in(seconds(1), b),
                                          timeout_in(seconds(3), c)};
  loop_.run_for(seconds(5));
  EXPECT_THAT(order, ElementsAre("b", "a", "c"));
  for (AvahiTimeout* timeout : all) api_->timeout_free(timeout);
}

TEST_F(LoopPollTest, LeavesATimeoutThatIsSetToNullSilentUntilItIsSetAgain) {
  int fired = 0;
  OnTimeout on{[&](AvahiTimeout*) { ++fired; }};
  AvahiTimeout* never = api_->timeout_new(api_, nullptr, OnTimeout::call, &on);
  AvahiTimeout* timeout = timeout_in(seconds(1), on);
  api_->timeout_update(timeout, nullptr);
  loop_.run_for(hours(1));
  EXPECT_EQ(fired, 0);
  const timeval at = time_of_day_in(seconds(1));
  api_->timeout_update(never, &at);
  loop_.run_for(hours(1));
  EXPECT_EQ(fired, 1);
  api_->timeout_free(never);
  api_->timeout_free(timeout);
}

TEST_F(LoopPollTest, TakesATimeThatCannotBeCountedForNever) {
  int fired = 0;
  OnTimeout on{[&](AvahiTimeout*) { ++fired; }};
  const timeval at{std::numeric_limits<time_t>::max(), 999'999};
  AvahiTimeout* timeout = api_->timeout_new(api_, &at, OnTimeout::call, &on);
  loop_.run_for(hours(24));
  EXPECT_EQ(fired, 0);
  api_->timeout_free(timeout);
}

TEST_F(LoopPollTest, LetsATimeoutBeSetAgainAndFreedInItsOwnCallback) {
  std::vector<Duration> fired;
  const LocalTime start = loop_.now();
  OnTimeout on;
  on.run = [&](AvahiTimeout* timeout) {
    fired.push_back(loop_.now() - start);
    if (fired.size() == 3) return api_->timeout_free(timeout);
    const timeval at = time_of_day_in(seconds(2));
    api_->timeout_update(timeout, &at);
  };
  (void)timeout_in(seconds(1), on);
  loop_.run_for(hours(1));
  EXPECT_THAT(fired, ElementsAre(seconds(1), seconds(3), seconds(5)));
  EXPECT_EQ(poll_.timeouts(), 0u);
}

TEST_F(LoopPollTest, LetsACallbackFreeWhatWouldFireNext) {
  int fired = 0;
  AvahiTimeout* other = nullptr;
  OnTimeout first{[&](AvahiTimeout* timeout) {
    ++fired;
    api_->timeout_free(timeout);
    api_->timeout_free(other);
  }};
  OnTimeout second{[&](AvahiTimeout*) { ++fired; }};
  (void)timeout_in(seconds(1), first);
  other = timeout_in(seconds(1), second);
  loop_.run_for(hours(1));
  EXPECT_EQ(fired, 1);
}

TEST_F(LoopPollTest, TellsWhatHappenedToADescriptorDuringTheCallbackOnly) {
  std::vector<int> seen;
  OnWatch on{[&](AvahiWatch* watch, AvahiWatchEvent events) {
    EXPECT_EQ(api_->watch_get_events(watch), events);
    seen.push_back(events);
  }};
  AvahiWatch* reading = watch(AVAHI_WATCH_IN, on);
  loop_.report(fds_[0]);  // somebody else has read it
  EXPECT_THAT(seen, ElementsAre());
  write_other_end();
  EXPECT_EQ(loop_.watched(fds_[0]), "r");
  loop_.report(fds_[0]);
  EXPECT_THAT(seen, ElementsAre(AVAHI_WATCH_IN));
  EXPECT_EQ(api_->watch_get_events(reading), 0);

  api_->watch_update(reading, static_cast<AvahiWatchEvent>(AVAHI_WATCH_IN | AVAHI_WATCH_OUT));
  EXPECT_EQ(loop_.watched(fds_[0]), "rw");
  loop_.report(fds_[0]);
  EXPECT_THAT(seen, ElementsAre(AVAHI_WATCH_IN, AVAHI_WATCH_IN | AVAHI_WATCH_OUT));
  api_->watch_free(reading);
  EXPECT_EQ(loop_.watches(), 0u);
}

TEST_F(LoopPollTest, WatchesOneDescriptorForReadingAndForWritingApart) {
  std::vector<std::string> seen;
  OnWatch on_read{[&](AvahiWatch*, AvahiWatchEvent) { seen.push_back("read"); }};
  OnWatch on_write{[&](AvahiWatch*, AvahiWatchEvent) { seen.push_back("write"); }};
  AvahiWatch* reading = watch(AVAHI_WATCH_IN, on_read);
  AvahiWatch* writing = watch(AVAHI_WATCH_OUT, on_write);
  loop_.report(fds_[0]);
  EXPECT_THAT(seen, ElementsAre("write"));
  write_other_end();
  loop_.report(fds_[0]);
  EXPECT_THAT(seen, ElementsAre("write", "read", "write"));
  api_->watch_free(reading);
  api_->watch_free(writing);
}

TEST_F(LoopPollTest, ReportsAHangUpAndAnErrorWhateverIsWatchedFor) {
  std::vector<int> seen;
  OnWatch on{[&](AvahiWatch*, AvahiWatchEvent events) { seen.push_back(events); }};
  AvahiWatch* writing = watch(AVAHI_WATCH_OUT, on);
  close_other_end();
  loop_.report(fds_[0]);
  EXPECT_THAT(seen,
              ElementsAre(::testing::Truly([](int it) { return (it & AVAHI_WATCH_HUP) != 0; })));
  api_->watch_free(writing);

  OnWatch on_error{[&](AvahiWatch*, AvahiWatchEvent events) { seen.push_back(events); }};
  AvahiWatch* reading = watch(AVAHI_WATCH_IN, on_error);
  seen.clear();
  ::close(fds_[0]);  // under avahi's feet
  loop_.report(fds_[0]);
  fds_[0] = -1;
  EXPECT_THAT(seen, ElementsAre(AVAHI_WATCH_ERR));
  api_->watch_free(reading);
}

TEST_F(LoopPollTest, LetsAWatchBeChangedAndFreedInItsOwnCallback) {
  std::vector<int> seen;
  OnWatch on;
  on.run = [&](AvahiWatch* watch, AvahiWatchEvent events) {
    seen.push_back(events);
    if (seen.size() == 1) return api_->watch_update(watch, AVAHI_WATCH_OUT);
    api_->watch_free(watch);
  };
  (void)watch(AVAHI_WATCH_IN, on);
  write_other_end();
  loop_.report(fds_[0]);
  EXPECT_EQ(loop_.watched(fds_[0]), "w");
  loop_.report(fds_[0]);
  loop_.report(fds_[0]);
  EXPECT_THAT(seen, ElementsAre(AVAHI_WATCH_IN, AVAHI_WATCH_OUT));
  EXPECT_EQ(poll_.watches(), 0u);
  EXPECT_EQ(loop_.watches(), 0u);
}

TEST_F(LoopPollTest, SaysSoWhenADescriptorCannotBeWatched) {
  OnWatch on{[](AvahiWatch*, AvahiWatchEvent) {}};
  AvahiWatch* reading = watch(AVAHI_WATCH_IN, on);
  loop_.has_no_fds = true;
  EXPECT_EQ(watch(AVAHI_WATCH_OUT, on), nullptr);
  EXPECT_EQ(poll_.watches(), 1u);
  // What cannot be said here: the old watch stays.
  api_->watch_update(reading, AVAHI_WATCH_OUT);
  EXPECT_EQ(loop_.watched(fds_[0]), "r");
  api_->watch_free(reading);
}

TEST_F(LoopPollTest, KeepsThousandsOfTimeoutsApart) {
  constexpr int kMany = 10'000;
  std::vector<int> fired(kMany, 0);
  std::vector<OnTimeout> on(kMany);
  std::vector<AvahiTimeout*> timeouts(kMany);
  for (int i = 0; i < kMany; ++i) {
    on[i].run = [&fired, i](AvahiTimeout*) { ++fired[i]; };
    timeouts[i] = timeout_in(milliseconds(i * 7919 % kMany + 1), on[i]);
  }
  for (int i = 0; i < kMany; i += 2) api_->timeout_free(timeouts[i]);
  loop_.run_for(seconds(11));
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(fired[i], i % 2) << i;
  for (int i = 1; i < kMany; i += 2) api_->timeout_free(timeouts[i]);
}

// What ASan is to see: 24 hours in which ten times a second a bus comes and goes.
TEST_F(LoopPollTest, LosesNothingInADayOfFlapping) {
  constexpr Duration kStep = milliseconds(100);
  const LocalTime end = loop_.now() + hours(24);
  std::uint64_t rounds = 0;
  std::uint64_t calls = 0;
  AvahiWatch* reading = nullptr;
  AvahiTimeout* dispatch = nullptr;
  std::size_t most_watches = 0;
  OnWatch on_read{[&](AvahiWatch* watch, AvahiWatchEvent) {
    ++calls;
    api_->watch_free(watch);
    reading = nullptr;
  }};
  OnTimeout on_dispatch{[&](AvahiTimeout* timeout) {
    ++calls;
    api_->timeout_free(timeout);
    dispatch = nullptr;
  }};
  write_other_end();
  OnTimeout flap;
  flap.run = [&](AvahiTimeout* timeout) {
    ++rounds;
    if (reading != nullptr) api_->watch_free(reading);
    if (dispatch != nullptr) api_->timeout_free(dispatch);
    reading = watch(AVAHI_WATCH_IN, on_read);
    // Some are gone before they fire.
    dispatch = timeout_in(milliseconds(rounds * 37 % 150), on_dispatch);
    most_watches = std::max(most_watches, loop_.watches());
    if (rounds % 3 != 0) loop_.report(fds_[0]);
    if (loop_.now() >= end) return;
    const timeval next = time_of_day_in(kStep);
    api_->timeout_update(timeout, &next);
  };
  AvahiTimeout* flapping = timeout_in(kStep, flap);
  loop_.run_for(hours(24) + seconds(1));

  EXPECT_EQ(rounds, 864'000u);
  EXPECT_GT(calls, 864'000u);
  EXPECT_EQ(most_watches, 1u);
  if (reading != nullptr) api_->watch_free(reading);
  if (dispatch != nullptr) api_->timeout_free(dispatch);
  api_->timeout_free(flapping);
  EXPECT_EQ(poll_.watches(), 0u);
  EXPECT_EQ(poll_.timeouts(), 0u);
  EXPECT_EQ(loop_.watches(), 0u);
}

}  // namespace
}  // namespace echostream::discovery
