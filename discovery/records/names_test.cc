#include "discovery/records/names.h"

#include <gtest/gtest.h>

namespace echostream::discovery {
namespace {

TEST(InstanceName, TakesWhatPeopleWrite) {
  for (const char* name : {"camera", "camera at the door", "Kamera (Küche)", "カメラ", "📷",
                           "a.b\\c", "-dash", "a\xEF\xBF\xBD"}) {
    EXPECT_TRUE(check_instance_name(name).is_ok()) << name;
  }
}

TEST(InstanceName, HasOneToSixtyThreeBytes) {
  EXPECT_EQ(check_instance_name("").code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(check_instance_name("x").is_ok());
  EXPECT_TRUE(check_instance_name(std::string(63, 'x')).is_ok());
  const Status status = check_instance_name(std::string(64, 'x'));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("64 bytes; at most 63"), std::string::npos) << status;
}

TEST(InstanceName, HasNoControlCharacters) {
  for (const std::string& name : {std::string("a\nb"), std::string("\x1b[31m"), std::string("\x7F"),
                                  std::string("a\0b", 3), std::string("\xC2\x85")}) {
    const Status status = check_instance_name(name);
    EXPECT_NE(status.message().find("control character"), std::string::npos) << status;
  }
  EXPECT_TRUE(check_instance_name("\xC2\xA0").is_ok());
}

TEST(InstanceName, IsUtf8) {
  for (const char* name :
       {"\x80", "\xC3", "\xC3(", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "ab\xE2"}) {
    const Status status = check_instance_name(name);
    EXPECT_NE(status.message().find("not UTF-8"), std::string::npos) << status;
  }
  for (const char* name : {"\xC2\xA1", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(check_instance_name(name).is_ok()) << check_instance_name(name);
  }
}

TEST(InstanceName, IsCountedUpWhenSomebodyElseHasIt) {
  EXPECT_EQ(next_instance_name("camera"), "camera #2");
  EXPECT_EQ(next_instance_name("camera #2"), "camera #3");
  EXPECT_EQ(next_instance_name("camera #9"), "camera #10");
  EXPECT_EQ(next_instance_name("camera #1"), "camera #1 #2");
  EXPECT_EQ(next_instance_name("camera #02"), "camera #02 #2");
  EXPECT_EQ(next_instance_name("camera #x"), "camera #x #2");
  EXPECT_EQ(next_instance_name(" #2"), " #2 #2");
  EXPECT_EQ(next_instance_name("a #4294967295"), "a #4294967295 #2");
}

TEST(InstanceName, IsShortenedBetweenCharactersToBeCountedUp) {
  const std::string longest(63, 'x');
  EXPECT_EQ(next_instance_name(longest), std::string(60, 'x') + " #2");
  std::string name;
  for (int i = 0; i < 21; ++i) name += "日";  // 63 bytes
  const std::string next = next_instance_name(name + "");
  EXPECT_TRUE(check_instance_name(next).is_ok());
  EXPECT_EQ(next, name.substr(0, 60) + " #2");
  const std::string odd = "xy" + name.substr(0, 60);  // 62 bytes, a character from 59 to 62
  EXPECT_EQ(next_instance_name(odd), odd.substr(0, 59) + " #2");
  EXPECT_TRUE(check_instance_name(next_instance_name(odd)).is_ok());
}

TEST(Subtype, IsTheServiceInLowerCaseWithDashesForDots) {
  EXPECT_EQ(subtype_label("acme.v1.Camera"), "_acme-v1-camera");
  EXPECT_EQ(subtype_label("Camera"), "_camera");
  EXPECT_EQ(subtype_label("my_pkg.V2"), "_my_pkg-v2");
  EXPECT_EQ(subtype_label("a,b=\xFF\n"), "_a-b---");
  EXPECT_EQ(subtype_of("acme.v1.Camera"), "_acme-v1-camera._sub._echostream._udp");
}

TEST(Subtype, OfALongServiceEndsInADigestThatTellsItFromOthers) {
  const std::string service(62, 's');
  EXPECT_EQ(subtype_label(service), "_" + service);
  const std::string one = subtype_label(service + "1");
  const std::string other = subtype_label(service + "2");
  EXPECT_EQ(one.size(), 63u);
  EXPECT_EQ(other.size(), 63u);
  EXPECT_NE(one, other);
  EXPECT_EQ(one.substr(0, 46), other.substr(0, 46));
  EXPECT_EQ(one, subtype_label(service + "1"));
}

}  // namespace
}  // namespace echostream::discovery
