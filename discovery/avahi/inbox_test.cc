#include "discovery/avahi/inbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace echostream::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

Instance instance(const std::string& name) {
  Instance named;
  named.name = name;
  return named;
}
InstanceEvent appeared(const std::string& name) {
  return {InstanceEvent::Kind::kAppeared, instance(name)};
}
InstanceEvent gone(const std::string& name) { return {InstanceEvent::Kind::kGone, instance(name)}; }

TEST(Inbox, WakesOnceForAllThatComesUntilItIsLookedAt) {
  int wakes = 0;
  Inbox inbox([&] { ++wakes; });
  inbox.put_done();
  inbox.put_event(1, appeared("a"));
  inbox.put_daemon_status(Status());
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(inbox.take().done, 1u);
  inbox.put_event(1, appeared("b"));
  EXPECT_EQ(wakes, 2);
  EXPECT_THAT(inbox.take().news.at(1).instances, ElementsAre(Pair(instance("b"), true)));
}

TEST(Inbox, CountsCommandsFromOneLookToTheNext) {
  Inbox inbox([] {});
  inbox.put_done();
  inbox.put_done();
  EXPECT_EQ(inbox.take().done, 2u);
  inbox.put_done();
  EXPECT_EQ(inbox.take().done, 1u);
}

TEST(Inbox, IsSilentOnceClosed) {
  int wakes = 0;
  Inbox inbox([&] { ++wakes; });
  inbox.close();
  inbox.put_done();
  inbox.put_status(1, Status());
  EXPECT_EQ(wakes, 0);
}

TEST(Inbox, ForgetsWhatCameAndWentAndWhatWentAndCameBack) {
  Inbox inbox([] {});
  inbox.put_event(1, appeared("brief"));
  inbox.put_event(1, appeared("stays"));
  inbox.put_event(1, gone("brief"));
  inbox.put_event(1, gone("flapping"));
  inbox.put_event(1, appeared("flapping"));
  inbox.put_event(1, gone("left"));
  inbox.put_event(1, appeared("stays"));
  EXPECT_THAT(inbox.take().news.at(1).instances,
              ElementsAre(Pair(instance("left"), false), Pair(instance("stays"), true)));
}

TEST(Inbox, StaysSmallWhileNobodyLooksAtAHundredThousandNames) {
  Inbox inbox([] {});
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = "node " + std::to_string(i);
    inbox.put_event(1, appeared(name));
    inbox.put_event(1, gone(name));
    ResolvedInstance resolved;
    resolved.host = name;
    inbox.put_resolved(2, std::move(resolved));
  }
  Inbox::Contents contents = inbox.take();
  EXPECT_THAT(contents.news.at(1).instances, IsEmpty());
  EXPECT_EQ(contents.news.at(2).resolved->host, "node 99999");
}

TEST(Inbox, KeepsALossThatIsOverBeforeAnybodyLooks) {
  Inbox inbox([] {});
  inbox.put_event(1, appeared("a"));
  inbox.put_daemon_status(Status(StatusCode::kUnavailable, "gone"));
  inbox.put_daemon_status(Status());
  inbox.put_event(2, appeared("b"));
  const Inbox::Contents contents = inbox.take();
  ASSERT_TRUE(contents.lost);
  EXPECT_EQ(contents.lost->code(), StatusCode::kUnavailable);
  EXPECT_EQ(contents.status, Status());
  EXPECT_FALSE(contents.news.contains(1));
  EXPECT_TRUE(contents.news.contains(2));
  EXPECT_FALSE(inbox.take().lost);
}

}  // namespace
}  // namespace echostream::discovery
