#include "tools/echostream/discovery/node_text.h"

#include <gmock/gmock.h>

namespace echostream::tool {
namespace {

using discovery::DiscoveredNode;
using discovery::NodeEvent;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

DiscoveredNode camera() {
  DiscoveredNode node;
  node.name = "camera at the door";
  node.host = "door.local";
  node.addresses = {SocketAddress::ipv4({192, 0, 2, 7}, 4433),
                    SocketAddress::ipv4({192, 0, 2, 8}, 4433)};
  node.services = {"acme.v1.Camera", "acme.v1.Light"};
  node.node_id = "4a";
  node.protocol_version = 1;
  node.properties = {{"location", "door"}, {"floor", "1"}};
  return node;
}

// Such a name reaches browsers unchanged when a neighbour announces it.
DiscoveredNode hostile() {
  DiscoveredNode node;
  node.name = "evil\x1b[31m\n;rm -rf\xff";
  node.services = {"\x1b]0;title\x07"};
  node.properties = {{"k\n",
                      "\xC2\x9B"
                      "2J"}};
  return node;
}

bool is_safe(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return text.find("\xC2\x9B") == std::string::npos && text.find('\xff') == std::string::npos;
}

TEST(NodeText, TellsAnEventInALine) {
  EXPECT_EQ(event_line({NodeEvent::Kind::kChanged, camera()}),
            "changed  camera at the door  192.0.2.7:4433 +1  acme.v1.Camera,acme.v1.Light  "
            "location=door floor=1");
  EXPECT_EQ(event_line({NodeEvent::Kind::kGone, DiscoveredNode{}}), "gone    -  -");
}

TEST(NodeText, TellsAnEventAsJson) {
  EXPECT_EQ(event_json({NodeEvent::Kind::kAppeared, camera()}),
            R"({"event":"appeared","name":"camera at the door","host":"door.local",)"
            R"("addresses":["192.0.2.7:4433","192.0.2.8:4433"],)"
            R"("services":["acme.v1.Camera","acme.v1.Light"],"id":"4a","fingerprint":null,)"
            R"("protocol_version":1,"properties":{"location":"door","floor":"1"}})");
}

TEST(NodeText, AFingerprintIsWrittenAsOthersPinIt) {
  DiscoveredNode node = camera();
  node.fingerprint = Fingerprint(Fingerprint::Digest{0xab});
  EXPECT_THAT(event_json({NodeEvent::Kind::kAppeared, node}),
              HasSubstr(R"("fingerprint":"ab:00:)"));
}

TEST(NodeText, NothingThatATerminalWouldObeyGetsOut) {
  const NodeEvent event{NodeEvent::Kind::kAppeared, hostile()};
  EXPECT_TRUE(is_safe(event_line(event))) << event_line(event);
  EXPECT_TRUE(is_safe(event_json(event))) << event_json(event);
  for (const std::string& line : node_table({hostile()})) EXPECT_TRUE(is_safe(line)) << line;
  EXPECT_THAT(event_line(event), HasSubstr(R"(evil\x1b[31m\x0a;rm -rf\xff)"));
  EXPECT_THAT(event_json(event), HasSubstr(R"("name":"evil\\x1b[31m\\x0a;rm -rf\\xff")"));
}

TEST(NodeText, JsonStringsEndWhereTheyShould) {
  DiscoveredNode node;
  node.name = "a\",\"b\\";
  EXPECT_THAT(event_json({NodeEvent::Kind::kGone, node}), HasSubstr(R"("name":"a\",\"b\\\\",)"));
}

TEST(NodeText, ATableHasItsColumnsBelowEachOther) {
  DiscoveredNode kitchen;
  kitchen.name =
      "K\xC3\xBC"
      "che";
  kitchen.addresses = {SocketAddress::ipv4({10, 0, 0, 1}, 1)};
  EXPECT_THAT(node_table({camera(), kitchen}),
              ElementsAre("NAME                ADDRESS            SERVICES                      "
                          "PROPERTIES",
                          "camera at the door  192.0.2.7:4433 +1  acme.v1.Camera,acme.v1.Light  "
                          "location=door floor=1",
                          "K\xC3\xBC"
                          "che               10.0.0.1:1         -"));
}

TEST(Property, HasAKeyAndAValue) {
  EXPECT_EQ(*parse_property("location=door"),
            std::pair(std::string("location"), std::string("door")));
  EXPECT_EQ(*parse_property("a=b=c"), std::pair(std::string("a"), std::string("b=c")));
  EXPECT_EQ(*parse_property("empty="), std::pair(std::string("empty"), std::string()));
  for (const char* text : {"", "location", "=door"}) {
    EXPECT_EQ(parse_property(text).error().code(), StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace echostream::tool
