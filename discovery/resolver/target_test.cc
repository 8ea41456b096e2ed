#include "discovery/resolver/target.h"

#include <gmock/gmock.h>

#include <string>

namespace echostream::discovery {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

MdnsTarget service(std::string name) { return {MdnsTarget::Kind::kService, std::move(name)}; }
MdnsTarget node(std::string name) { return {MdnsTarget::Kind::kName, std::move(name)}; }

TEST(MdnsTarget, IsAServiceWhenItLooksLikeOne) {
  EXPECT_EQ(*parse_mdns_target("acme.v1.Camera"), service("acme.v1.Camera"));
  EXPECT_EQ(*parse_mdns_target("a.B"), service("a.B"));
  EXPECT_EQ(*parse_mdns_target("_x.y_2"), service("_x.y_2"));
  EXPECT_EQ(*parse_mdns_target(".Camera"), service("Camera"));
  EXPECT_EQ(*parse_mdns_target(".acme.v1.Camera"), service("acme.v1.Camera"));
}

TEST(MdnsTarget, IsANodesNameOtherwise) {
  EXPECT_EQ(*parse_mdns_target("Camera"), node("Camera"));
  EXPECT_EQ(*parse_mdns_target("camera at the door"), node("camera at the door"));
  EXPECT_EQ(*parse_mdns_target("camera #2"), node("camera #2"));
  EXPECT_EQ(*parse_mdns_target("Kamera im Büro, v1.2"), node("Kamera im Büro, v1.2"));
  EXPECT_EQ(*parse_mdns_target("camera-1.local"), node("camera-1.local"));
  EXPECT_EQ(*parse_mdns_target("10.0.0.1"), node("10.0.0.1"));
  EXPECT_EQ(*parse_mdns_target("one."), node("one."));
}

TEST(MdnsTarget, IsANodesNameInQuotesWhateverItLooksLike) {
  EXPECT_EQ(*parse_mdns_target("\"camera.local\""), node("camera.local"));
  EXPECT_EQ(*parse_mdns_target("\".Camera\""), node(".Camera"));
  EXPECT_EQ(*parse_mdns_target("\"the \"big\" one\""), node("the \"big\" one"));
}

TEST(MdnsTarget, SaysWhatIsAllowed) {
  for (const char* bad : {"", ".", "..", ".1a", ".a.", ".a b", "\"", "\"\"", "\"camera", "a\nb",
                          "\xFF", "\"a\x1b[31m\""}) {
    const auto target = parse_mdns_target(bad);
    ASSERT_FALSE(target.has_value()) << bad;
    EXPECT_THAT(target.error().to_string(),
                AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("acme.v1.Camera"),
                      HasSubstr("\"camera.local\"")));
    EXPECT_EQ(target.error().message().find('\x1b'), std::string_view::npos);
  }
}

TEST(MdnsTarget, HoldsTheLimits) {
  EXPECT_TRUE(parse_mdns_target(std::string(63, 'x')).has_value());
  EXPECT_FALSE(parse_mdns_target(std::string(64, 'x')).has_value());
  EXPECT_TRUE(parse_mdns_target("a." + std::string(247, 'x')).has_value());
  EXPECT_FALSE(parse_mdns_target("a." + std::string(248, 'x')).has_value());
}

TEST(IsHostName, TellsNamesFromAddressesAndSentences) {
  for (const char* good : {"camera", "camera.local", "a-1.example.com", "3com.com"}) {
    EXPECT_TRUE(is_host_name(good)) << good;
  }
  for (const char* bad : {"", "camera at the door", "-a", "a-", "a..b", ".a", "a.", "10.0.0.1",
                          "camera #2", "b\xC3\xBCro", "::1"}) {
    EXPECT_FALSE(is_host_name(bad)) << bad;
  }
  EXPECT_TRUE(is_host_name(std::string(63, 'a')));
  EXPECT_FALSE(is_host_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace echostream::discovery
