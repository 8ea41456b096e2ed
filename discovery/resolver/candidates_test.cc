#include "discovery/resolver/candidates.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "echostream/known_peers.h"

namespace echostream::discovery {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr LocalTime kStart{1h};
const MdnsTarget kService{MdnsTarget::Kind::kService, "acme.v1.Camera"};
const MdnsTarget kName{MdnsTarget::Kind::kName, "camera"};

Fingerprint fingerprint(std::uint8_t first) { return Fingerprint(Fingerprint::Digest{first}); }

DiscoveredNode node(std::string name, std::vector<std::string> addresses,
                    std::optional<Fingerprint> says = std::nullopt) {
  DiscoveredNode node;
  node.name = std::move(name);
  for (const std::string& address : addresses) {
    node.addresses.push_back(*SocketAddress::parse(address));
  }
  node.fingerprint = says;
  node.protocol_version = 1;
  return node;
}

std::vector<std::string> where(const std::vector<DialCandidate>& candidates) {
  std::vector<std::string> addresses;
  for (const DialCandidate& candidate : candidates) {
    addresses.push_back(candidate.address.to_string());
  }
  return addresses;
}

// Those in the list, by the number of their fingerprints.
class FixedPeers final : public KnownPeers {
 public:
  explicit FixedPeers(std::vector<std::pair<std::string, std::uint8_t>> peers) {
    for (const auto& [name, number] : peers) {
      KnownPeer peer;
      peer.name = name;
      peer.fingerprint = fingerprint(number);
      peers_.push_back(std::move(peer));
    }
  }
  std::optional<KnownPeer> find(std::string_view name) const override {
    for (const KnownPeer& peer : peers_) {
      if (peer.name == name) return peer;
    }
    return std::nullopt;
  }
  std::optional<KnownPeer> find(const Fingerprint& wanted) const override {
    for (const KnownPeer& peer : peers_) {
      if (peer.fingerprint == wanted) return peer;
    }
    return std::nullopt;
  }
  std::vector<KnownPeer> list() const override { return peers_; }
  Status add(const KnownPeer&) override { return Status::ok(); }
  Status remove(std::string_view) override { return Status::ok(); }

 private:
  std::vector<KnownPeer> peers_;
};

Trust known(std::vector<std::pair<std::string, std::uint8_t>> peers,
            FirstUse first_use = FirstUse::kRefuse) {
  return Trust::known_peers(std::make_shared<FixedPeers>(std::move(peers)), first_use);
}

TEST(DiallingOrder, TakesLinkLocalAddressesFirstAndThenTheFamiliesInTurn) {
  const DiscoveredNode camera =
      node("camera", {"10.0.0.1:1", "10.0.0.2:1", "[2001:db8::1]:1", "[fe80::1%2]:1"});
  std::vector<std::string> order;
  for (const auto& address : in_dialling_order(camera.addresses)) {
    order.push_back(address.to_string());
  }
  EXPECT_THAT(order,
              ElementsAre(HasSubstr("fe80::1"), "[2001:db8::1]:1", "10.0.0.1:1", "10.0.0.2:1"));
}

TEST(DiallingOrder, LeavesOutWhatLeadsNowhere) {
  const DiscoveredNode camera =
      node("camera", {"10.0.0.1:0", "0.0.0.0:1", "[::]:1", "[fe80::1]:1"});
  EXPECT_THAT(in_dialling_order(camera.addresses), IsEmpty());
  EXPECT_THAT(in_dialling_order({SocketAddress()}), IsEmpty());
}

TEST(Candidates, AreGivenOnce) {
  CandidateList list(kService, "", Trust::insecure_accept_any(), kStart);
  const DiscoveredNode camera = node("camera", {"10.0.0.1:1"});
  EXPECT_FALSE(list.has_given());
  EXPECT_THAT(where(list.update({camera}, kStart)), ElementsAre("10.0.0.1:1"));
  EXPECT_TRUE(list.has_given());
  EXPECT_THAT(list.update({camera}, kStart), IsEmpty());
  EXPECT_THAT(where(list.update({node("camera", {"10.0.0.1:1", "10.0.0.1:2"})}, kStart)),
              ElementsAre("10.0.0.1:2"));
}

TEST(Candidates, AreThoseFirstThatAnnounceAPinnedFingerprint) {
  CandidateList list(kService, "", Trust::pinned({fingerprint(7)}), kStart);
  const std::vector<DiscoveredNode> nodes = {node("a", {"10.0.0.1:1"}, fingerprint(1)),
                                             node("b", {"10.0.0.2:1"}),
                                             node("c", {"10.0.0.3:1"}, fingerprint(7))};
  EXPECT_THAT(where(list.update(nodes, kStart)), ElementsAre("10.0.0.3:1"));
  EXPECT_EQ(list.held_until(), kStart + 1s);
  // Announcements may be old, or say nothing.
  EXPECT_THAT(where(list.update(nodes, kStart + 1s)), ElementsAre("10.0.0.2:1", "10.0.0.1:1"));
  EXPECT_EQ(list.held_until(), kNever);
}

TEST(Candidates, OfSeveralNodesTakeTurns) {
  CandidateList list(kService, "", Trust::insecure_accept_any(), kStart);
  EXPECT_THAT(
      where(list.update({node("a", {"10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"}),
                         node("b", {"10.0.0.2:1"}), node("c", {"10.0.0.3:1", "10.0.0.3:2"})},
                        kStart)),
      ElementsAre("10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1", "10.0.0.1:2", "10.0.0.3:2",
                  "10.0.0.1:3"));
}

TEST(Candidates, LeaveRoomForTheRightOneHoweverManyOthersThereAre) {
  CandidateList list(kService, "", Trust::pinned({fingerprint(7)}), kStart);
  std::vector<DiscoveredNode> nodes;
  for (int i = 0; i < 250; ++i) {
    nodes.push_back(
        node("fake " + std::to_string(i), {"10.0.1." + std::to_string(i) + ":1"}, fingerprint(1)));
  }
  EXPECT_EQ(list.update(nodes, kStart + 1s).size(), 8u);
  nodes.push_back(node("zebra", {"10.0.0.1:1"}, fingerprint(7)));
  EXPECT_THAT(where(list.update(nodes, kStart + 2s)), ElementsAre("10.0.0.1:1"));
}

TEST(Candidates, AreBoundedOverAWholeLookup) {
  CandidateList list(kService, "", Trust::insecure_accept_any(), kStart);
  std::size_t given = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    given += list.update({node("flapping", {address + ":1"})}, kStart + i * 1s).size();
  }
  EXPECT_EQ(given, 16u);
}

TEST(Candidates, OfAServiceMayBeKnownByAnyName) {
  CandidateList list(kService, "", known({{"front door", 7}}), kStart);
  const auto given =
      list.update({node("camera", {"10.0.0.1:1"}, fingerprint(7)), node("lamp\n", {"10.0.0.2:1"})},
                  kStart + 1s);
  ASSERT_THAT(where(given), ElementsAre("10.0.0.1:1", "10.0.0.2:1"));
  EXPECT_TRUE(given[0].any_known_peer);
  EXPECT_EQ(given[0].peer_name, "front door") << "somebody else must not pass for a newcomer";
  EXPECT_EQ(given[1].peer_name, "lamp\\x0a") << "it must be fit for a list of names";
  EXPECT_EQ(given[0].server_name, "") << "which never comes from the network";
}

TEST(Candidates, OfANameMustBeKnownByIt) {
  CandidateList list(kName, "", known({{"camera", 7}, {"other", 8}}), kStart);
  const auto given = list.update({node("camera", {"10.0.0.1:1"}, fingerprint(8)),
                                  node("camera", {"10.0.0.2:1"}, fingerprint(7))},
                                 kStart);
  ASSERT_THAT(where(given), ElementsAre("10.0.0.2:1"));
  EXPECT_FALSE(given[0].any_known_peer);
  EXPECT_EQ(given[0].peer_name, "camera");
  EXPECT_EQ(given[0].server_name, "camera");
}

TEST(Candidates, AreNotHeldBackWhereNobodyIsExpected) {
  const std::vector<DiscoveredNode> nodes = {node("camera", {"10.0.0.1:1"}, fingerprint(1))};
  CandidateList new_name(kName, "", known({{"other", 7}}, FirstUse::kAccept), kStart);
  EXPECT_EQ(new_name.update(nodes, kStart).size(), 1u);
  CandidateList new_list(kService, "", known({}, FirstUse::kAccept), kStart);
  EXPECT_EQ(new_list.update(nodes, kStart).size(), 1u);
  CandidateList anybody(kService, "", Trust::insecure_accept_any(), kStart);
  EXPECT_EQ(anybody.update(nodes, kStart).size(), 1u);
}

TEST(Candidates, AreNotBelievedAtFirstUseWhereSomebodyKnownIs) {
  CandidateList list(kService, "", known({{"camera", 7}}, FirstUse::kAccept), kStart);
  const DiscoveredNode strange = node("a", {"10.0.0.1:1"}, fingerprint(1));
  const DiscoveredNode silent = node("b", {"10.0.0.2:1"});
  const DiscoveredNode met = node("camera", {"10.0.0.3:1"}, fingerprint(7));
  EXPECT_THAT(list.update({strange, silent}, kStart), IsEmpty());
  EXPECT_THAT(where(list.update({strange, silent, met}, kStart + 900ms)),
              ElementsAre("10.0.0.3:1"));
  EXPECT_THAT(list.update({strange, silent}, kStart + 5s), IsEmpty());
}

TEST(Candidates, AreBelievedAtFirstUseAfterASecondWithoutAnybodyKnown) {
  CandidateList list(kService, "", known({{"camera", 7}}, FirstUse::kAccept), kStart);
  const DiscoveredNode strange = node("a", {"10.0.0.1:1"}, fingerprint(1));
  EXPECT_THAT(list.update({strange}, kStart + 999ms), IsEmpty());
  EXPECT_THAT(where(list.update({strange}, kStart + 1s)), ElementsAre("10.0.0.1:1"));
}

TEST(Candidates, HaveTheServerNameThatTheUserGave) {
  const std::vector<DiscoveredNode> nodes = {node("camera", {"10.0.0.1:1"})};
  CandidateList by_option(kService, "device.example.com", Trust::insecure_accept_any(), kStart);
  EXPECT_EQ(by_option.update(nodes, kStart).at(0).server_name, "device.example.com");
  CandidateList by_name(kName, "", Trust::insecure_accept_any(), kStart);
  EXPECT_EQ(by_name.update(nodes, kStart).at(0).server_name, "camera");
  CandidateList sentence({MdnsTarget::Kind::kName, "camera at the door"}, "",
                         Trust::insecure_accept_any(), kStart);
  EXPECT_EQ(sentence.update(nodes, kStart).at(0).server_name, "");
}

TEST(Candidates, DoNotSpeakALaterVersionOnly) {
  CandidateList list(kService, "", Trust::insecure_accept_any(), kStart);
  DiscoveredNode newer = node("new\ncamera", {"10.0.0.1:1"});
  newer.protocol_version = 2;
  EXPECT_THAT(list.update({newer}, kStart), IsEmpty());
  EXPECT_THAT(list.incompatible().to_string(),
              ::testing::AllOf(HasSubstr("'new\\x0acamera' speaks version 2"),
                               HasSubstr("only version 1"), HasSubstr("update this program")));

  DiscoveredNode silent = node("silent", {"10.0.0.2:1"});
  silent.protocol_version = 0;
  EXPECT_THAT(where(list.update({newer, silent}, kStart)), ElementsAre("10.0.0.2:1"));
}

}  // namespace
}  // namespace echostream::discovery
