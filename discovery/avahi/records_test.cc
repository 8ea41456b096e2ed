#include "discovery/avahi/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "discovery/avahi/errors.h"

namespace echostream::discovery {
namespace {

using namespace std::string_literals;

// tests/discovery sees what becomes of it on the wire.
TEST(AvahiRecords, HandTxtStringsOverLastFirstAndGetThemFirstFirst) {
  const std::vector<std::string> txt = {"a=1", "b=\0\xFF"s, "a=2", "=", std::string(255, 'x')};
  const Strings strings = strings_of(txt);
  EXPECT_EQ(*avahi_string_list_get_text(strings.get()), 'x');
  const std::vector<std::string> last_first(txt.rbegin(), txt.rend());
  EXPECT_EQ(txt_of(strings.get()), last_first);
  EXPECT_TRUE(txt_of(nullptr).empty());
  EXPECT_EQ(strings_of({}), nullptr);
}

TEST(AvahiRecords, ReadTxtDataAsItWasSentUpToWhereItIsCutOff) {
  const auto read = [](const std::string& data) {
    return txt_of_data({reinterpret_cast<const std::uint8_t*>(data.data()), data.size()});
  };
  EXPECT_THAT(read("\3a=1\0\4b=\0\xFF"s), ::testing::ElementsAre("a=1", "", "b=\0\xFF"s));
  EXPECT_THAT(read("\3a=1\3b="s), ::testing::ElementsAre("a=1"));
  EXPECT_THAT(read("\xFF"s + std::string(255, 'x')), ::testing::ElementsAre(std::string(255, 'x')));
  EXPECT_THAT(read(""), ::testing::IsEmpty());
}

TEST(AvahiRecords, GiveLinkLocalAddressesTheirInterface) {
  AvahiAddress address;
  ASSERT_NE(avahi_address_parse("fe80::1", AVAHI_PROTO_INET6, &address), nullptr);
  EXPECT_EQ(address_of(address, 7, 3).to_string(), "[fe80::1%3]:7");
  ASSERT_NE(avahi_address_parse("2001:db8::1", AVAHI_PROTO_INET6, &address), nullptr);
  EXPECT_EQ(address_of(address, 7, 3).to_string(), "[2001:db8::1]:7");
  ASSERT_NE(avahi_address_parse("10.1.2.3", AVAHI_PROTO_INET, &address), nullptr);
  EXPECT_EQ(address_of(address, 7, 3).to_string(), "10.1.2.3:7");
}

TEST(AvahiRecords, CutSubtypesOff) {
  EXPECT_EQ(type_without_subtype("_camera._sub._echostream._udp"), "_echostream._udp");
  EXPECT_EQ(type_without_subtype("_echostream._udp"), "_echostream._udp");
}

TEST(AvahiRecords, RefuseWhatWouldEndTheProgramInDBus) {
  Registration fine;
  fine.name = "caf\xC3\xA9 \xF0\x9F\x93\xB7";
  EXPECT_EQ(check_registration(fine), Status());
  for (const std::string& name :
       {""s, std::string(64, 'a'), "a\0b"s, "caf\xE9"s, "\xED\xA0\x80"s}) {
    Registration bad;
    bad.name = name;
    EXPECT_EQ(check_registration(bad).code(), StatusCode::kInvalidArgument);
  }
  Registration bad = fine;
  bad.subtypes = {"_caf\xE9"};
  EXPECT_EQ(check_registration(bad).code(), StatusCode::kInvalidArgument);
  bad = fine;
  bad.txt = {std::string(256, 'a')};
  EXPECT_EQ(check_registration(bad).code(), StatusCode::kInvalidArgument);
}

TEST(AvahiRecords, TellUtf8FromWhatIsNone) {
  EXPECT_TRUE(is_dbus_text(""));
  EXPECT_TRUE(is_dbus_text("\x1b[31m\n\x7F"));
  EXPECT_TRUE(is_dbus_text(
      "\xC2\x80 \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
  for (const std::string& text :
       {"\0"s, "\x80"s, "\xC0\x80"s, "\xC1\xBF"s, "\xC2"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s,
        "\xE2\x82"s, "\xF0\x8F\xBF\xBF"s, "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFF"s}) {
    EXPECT_FALSE(is_dbus_text(text)) << ::testing::PrintToString(text);
    EXPECT_FALSE(is_dbus_text("before " + text + " after"));
  }
}

}  // namespace
}  // namespace echostream::discovery
