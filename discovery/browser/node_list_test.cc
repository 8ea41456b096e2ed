#include "discovery/browser/node_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace echostream::discovery {
namespace {

using Kind = NodeEvent::Kind;
using Verdict = NodeList::Verdict;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Family = SocketAddress::Family;

Instance on(std::uint32_t interface, const std::string& name = "camera",
            Family family = Family::kIpv4) {
  return {name, kServiceType, "local", interface, family};
}

Sighting at(const std::string& address, const std::string& id = "1",
            const std::string& room = "door") {
  Sighting sighting;
  sighting.host = "camera.local";
  sighting.address = SocketAddress::parse(address).value();
  sighting.record.node_id = id;
  sighting.record.services = {"acme.v1.Camera"};
  sighting.record.properties = {{"room", room}};
  return sighting;
}

std::vector<std::string> addresses(const DiscoveredNode& node) {
  std::vector<std::string> all;
  for (const SocketAddress& address : node.addresses) all.push_back(address.to_string());
  return all;
}

Kind take(NodeList& list) { return list.take_event().value().kind; }

TEST(NodeList, ShowsOneNodeOnTwoInterfacesOnceWithBothAddresses) {
  NodeList list({});
  EXPECT_EQ(list.set(on(2), at("10.0.0.1:1")), Verdict::kShown);
  EXPECT_EQ(list.set(on(3), at("10.9.0.1:1")), Verdict::kShown);
  EXPECT_EQ(list.set(on(3, "camera", Family::kIpv6), at("[fd00::1]:1")), Verdict::kShown);
  ASSERT_THAT(list.nodes(), SizeIs(1));
  EXPECT_THAT(addresses(list.nodes()[0]), ElementsAre("10.0.0.1:1", "10.9.0.1:1", "[fd00::1]:1"));
  EXPECT_EQ(take(list), Kind::kAppeared);
  EXPECT_FALSE(list.has_event());
  list.remove(on(2));
  EXPECT_EQ(take(list), Kind::kChanged);
  list.remove(on(3));
  list.remove(on(3, "camera", Family::kIpv6));
  const auto gone = list.take_event();
  EXPECT_EQ(gone->kind, Kind::kGone);
  EXPECT_THAT(addresses(gone->node), ElementsAre("10.9.0.1:1", "[fd00::1]:1"));
  EXPECT_FALSE(list.take_event());
}

TEST(NodeList, TellsNodesOfOneNameApartByTheirIds) {
  NodeList list({});
  list.set(on(2), at("10.0.0.1:1", "1"));
  list.set(on(3), at("10.0.0.2:1", "2"));
  EXPECT_THAT(list.nodes(), SizeIs(2));
  EXPECT_EQ(take(list), Kind::kAppeared);
  EXPECT_EQ(take(list), Kind::kAppeared);
  // The instance is another node's now.
  list.set(on(2), at("10.0.0.1:1", "3"));
  EXPECT_EQ(list.take_event()->node.node_id, "1");
  EXPECT_EQ(list.take_event()->node.node_id, "3");
  EXPECT_FALSE(list.has_event());
}

TEST(NodeList, TakesTheTextOfWhoeverSpokeLast) {
  NodeList list({});
  list.set(on(2), at("10.0.0.1:1", "1", "old"));
  list.set(on(3), at("10.0.0.2:1", "1", "old"));
  take(list);
  list.set(on(3), at("10.0.0.2:1", "1", "new"));
  EXPECT_EQ(list.take_event()->node.properties[0].second, "new");
  list.set(on(2), at("10.0.0.1:1", "1", "new"));
  EXPECT_FALSE(list.has_event());
  list.set(on(2), at("10.0.0.1:1", "1", "new"));
  EXPECT_FALSE(list.has_event());
}

TEST(NodeList, ReportsAChangeOnlyWhenSomethingToSeeHasChanged) {
  NodeList list({});
  list.set(on(2), at("10.0.0.1:1"));
  take(list);
  list.set(on(2), at("10.0.0.1:1"));
  list.set(on(3), at("10.0.0.1:1"));
  list.remove(on(3));
  EXPECT_FALSE(list.has_event());
  list.set(on(2), at("10.0.0.1:2"));
  EXPECT_EQ(take(list), Kind::kChanged);
}

TEST(NodeList, MakesOneEventOfManyChanges) {
  NodeList list({});
  for (int i = 0; i < 100; ++i) {
    list.set(on(2), at("10.0.0.1:1"));
    list.remove(on(2));
  }
  EXPECT_FALSE(list.has_event());
  list.set(on(2), at("10.0.0.1:1"));
  EXPECT_EQ(take(list), Kind::kAppeared);
  for (int i = 0; i < 100; ++i) {
    list.remove(on(2));
    list.set(on(2), at("10.0.0.1:1"));
  }
  EXPECT_FALSE(list.has_event());
  list.set(on(2), at("10.0.0.1:1", "1", "window"));
  list.remove(on(2));
  const auto gone = list.take_event();
  EXPECT_EQ(gone->kind, Kind::kGone);
  EXPECT_EQ(gone->node.properties[0].second, "door");
  EXPECT_FALSE(list.take_event());
}

TEST(NodeList, ReportsInTheOrderOfTheFirstChange) {
  NodeList list({});
  list.set(on(2, "b"), at("10.0.0.1:1"));
  list.set(on(2, "a"), at("10.0.0.1:1"));
  list.remove(on(2, "b"));
  list.set(on(2, "b"), at("10.0.0.1:1"));
  EXPECT_EQ(list.take_event()->node.name, "a");
  EXPECT_EQ(list.take_event()->node.name, "b");
}

TEST(NodeList, ShowsWhatFitsTheFilter) {
  BrowseFilter filter;
  filter.service = "acme.v1.Camera";
  filter.name = "camera";
  filter.properties = {{"ROOM", "door"}};
  NodeList list(filter);
  Sighting other_service = at("10.0.0.1:1", "1");
  other_service.record.services = {"acme.v1.camera", "acme.v1.Cameras"};
  EXPECT_EQ(list.set(on(2), other_service), Verdict::kDoesNotFit);
  EXPECT_EQ(list.set(on(2, "Camera"), at("10.0.0.1:1")), Verdict::kDoesNotFit);
  EXPECT_EQ(list.set(on(3), at("10.0.0.1:1", "2", "Door")), Verdict::kDoesNotFit);
  EXPECT_THAT(list.nodes(), IsEmpty());
  EXPECT_FALSE(list.has_event());
  EXPECT_EQ(list.set(on(4), at("10.0.0.1:1", "3")), Verdict::kShown);
  EXPECT_EQ(take(list), Kind::kAppeared);
  // One that fits no more is gone; one that fits now has appeared.
  EXPECT_EQ(list.set(on(4), at("10.0.0.1:1", "3", "window")), Verdict::kDoesNotFit);
  EXPECT_EQ(take(list), Kind::kGone);
  EXPECT_EQ(list.set(on(3), at("10.0.0.1:1", "2")), Verdict::kShown);
  EXPECT_EQ(take(list), Kind::kAppeared);
}

TEST(NodeList, HasRoomFor256NodesOfWhichTheFirstStay) {
  NodeList list({});
  for (int i = 0; i < 256; ++i) {
    EXPECT_TRUE(list.has_room());
    EXPECT_EQ(list.set(on(2, std::to_string(i)), at("10.0.0.1:1")), Verdict::kShown);
  }
  EXPECT_FALSE(list.has_room());
  EXPECT_EQ(list.set(on(2, "late"), at("10.0.0.1:1")), Verdict::kNoRoom);
  EXPECT_FALSE(list.shows("late"));
  // Another interface of one that is shown needs no room.
  EXPECT_EQ(list.set(on(3, "7"), at("10.0.0.2:1")), Verdict::kShown);
  EXPECT_TRUE(list.shows("7"));
  EXPECT_THAT(list.nodes(), SizeIs(256));
  list.remove(on(2, "0"));
  EXPECT_EQ(list.set(on(2, "late"), at("10.0.0.1:1")), Verdict::kShown);
  EXPECT_FALSE(list.has_room());
}

TEST(NodeList, KeepsNothingOfNodesThatWereNeverReported) {
  NodeList list({});
  for (int i = 0; i < 1000; ++i) {
    list.set(on(2, std::to_string(i)), at("10.0.0.1:1"));
    list.remove(on(2, std::to_string(i)));
  }
  EXPECT_FALSE(list.has_event());
  EXPECT_TRUE(list.has_room());
}

TEST(NodeList, BoundsWhatASlowReaderHasToHear) {
  NodeList list({});
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    list.set(on(2, std::to_string(i)), at("10.0.0.1:1"));
    if (i >= 256) list.remove(on(2, std::to_string(i - 256)));
    if (i % 2 == 0) list.take_event();
  }
  while (list.take_event()) ++most;
  EXPECT_LE(most, 768u);
}

TEST(NodeList, ShowsAtMost16AddressesOfANode) {
  NodeList list({});
  for (std::uint32_t i = 1; i <= 40; ++i) {
    list.set(on(i), at("10.0.0." + std::to_string(i) + ":1"));
  }
  EXPECT_THAT(list.nodes()[0].addresses, SizeIs(16));
}

TEST(NodeList, ClearsEverything) {
  NodeList list({});
  list.set(on(2), at("10.0.0.1:1"));
  list.set(on(3), at("10.0.0.1:1"));
  take(list);
  list.set(on(2, "other"), at("10.0.0.1:1"));
  list.clear();
  EXPECT_EQ(take(list), Kind::kGone);
  EXPECT_FALSE(list.has_event());
  EXPECT_THAT(list.nodes(), IsEmpty());
}

}  // namespace
}  // namespace echostream::discovery
