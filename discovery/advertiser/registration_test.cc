#include "discovery/advertiser/registration.h"

#include <gmock/gmock.h>

#include <string>

#include "discovery/records/text_record.h"

namespace echostream::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

SocketAddress address(const char* text) { return *SocketAddress::parse(text); }

Announcement camera() {
  Announcement announcement;
  announcement.name = "camera";
  announcement.services = {"acme.v1.Camera", "acme.v1.Light"};
  announcement.listening = {address("0.0.0.0:4433")};
  announcement.fingerprint = Fingerprint(Fingerprint::Digest{1, 2, 3});
  return announcement;
}

TEST(Registration, SaysAllThatOthersNeedToDial) {
  const auto made = make_registration(camera(), "1234", {{"location", "door"}});
  ASSERT_TRUE(made.has_value()) << made.status();
  EXPECT_EQ(made->name, "camera");
  EXPECT_EQ(made->type, kServiceType);
  EXPECT_EQ(made->port, 4433);
  EXPECT_THAT(made->subtypes, ElementsAre("_acme-v1-camera", "_acme-v1-light"));

  const TextRecord read = parse_text_record(made->txt);
  EXPECT_EQ(read.protocol_version, 1u);
  EXPECT_EQ(read.node_id, "1234");
  EXPECT_EQ(read.fingerprint, camera().fingerprint);
  EXPECT_THAT(read.services, ElementsAre("acme.v1.Camera", "acme.v1.Light"));
  EXPECT_THAT(read.properties, ElementsAre(Pair("location", "door")));
}

TEST(Registration, PrefersWhatTheUserSaysToWhatPluginsAdd) {
  Announcement announcement = camera();
  announcement.properties = {{"Location", "unknown"}, {"health", "good"}};
  const auto made = make_registration(announcement, "1234", {{"location", "door"}});
  ASSERT_TRUE(made.has_value()) << made.status();
  EXPECT_THAT(parse_text_record(made->txt).properties,
              ElementsAre(Pair("location", "door"), Pair("health", "good")));
}

TEST(Registration, NamesASubtypeOnceThatTwoServicesShare) {
  Announcement announcement = camera();
  announcement.services = {"acme.v1.Camera", "acme.V1.camera"};
  const auto made = make_registration(announcement, "1234", {});
  ASSERT_TRUE(made.has_value()) << made.status();
  EXPECT_THAT(made->subtypes, ElementsAre("_acme-v1-camera"));
}

TEST(Registration, Has31ServicesAndNoMore) {
  Announcement announcement = camera();
  announcement.services.clear();
  for (int i = 0; i < 31; ++i) announcement.services.push_back("acme.v1.S" + std::to_string(i));
  const auto most = make_registration(announcement, "1234", {});
  ASSERT_TRUE(most.has_value()) << most.status();
  EXPECT_EQ(most->subtypes.size(), 31u);
  announcement.services.emplace_back("acme.v1.OneMore");
  const auto refused = make_registration(announcement, "1234", {});
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.status().to_string(), HasSubstr("32 services cannot be announced"));
}

TEST(Registration, RefusesWhatDoesNotFitEvenBeforeTheNodeListens) {
  Announcement announcement = camera();
  announcement.listening.clear();
  const auto taken = make_registration(announcement, "1234", {{"fp", "mine"}});
  EXPECT_EQ(taken.status().code(), StatusCode::kInvalidArgument);
  const auto id = make_registration(announcement, std::string(65, 'x'), {});
  EXPECT_EQ(id.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(id.status().to_string(), HasSubstr("64"));

  const auto silent = make_registration(announcement, "1234", {{"location", "door"}});
  EXPECT_EQ(silent.status().code(), StatusCode::kFailedPrecondition);
}

TEST(AnnouncedPort, IsThatOfTheFirstAddressThatOthersCanReach) {
  EXPECT_EQ(*announced_port({address("[::]:1"), address("0.0.0.0:2")}), 1);
  EXPECT_EQ(*announced_port({address("127.0.0.1:1"), address("[::1]:2"), address("10.0.0.1:3")}),
            3);
}

TEST(AnnouncedPort, SaysThatNobodyCouldReachALoopbackAddress) {
  const auto port = announced_port({address("127.0.0.1:4433"), address("[::1]:4433")});
  EXPECT_EQ(port.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(port.status().to_string(), HasSubstr("127.0.0.1:4433"));
  EXPECT_THAT(port.status().to_string(), HasSubstr("no other machine can reach it"));
}

TEST(AnnounceOptionsCheck, NamesTheOptionAndTheLimit) {
  AnnounceOptions options;
  options.name = std::string(63, 'x');
  options.interface = "fifteen-bytes-x";
  EXPECT_TRUE(check_options(options).is_ok()) << check_options(options);

  options.name += 'x';
  EXPECT_THAT(check_options(options).to_string(),
              ::testing::AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("AnnounceOptions::name"),
                               HasSubstr("63")));
  options.name = "line\nbreak";
  EXPECT_EQ(check_options(options).code(), StatusCode::kInvalidArgument);

  options.name = "camera";
  options.interface += 'x';
  EXPECT_THAT(check_options(options).to_string(),
              ::testing::AllOf(HasSubstr("INVALID_ARGUMENT"),
                               HasSubstr("AnnounceOptions::interface"), HasSubstr("15")));
}

}  // namespace
}  // namespace echostream::discovery
