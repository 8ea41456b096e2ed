#include "discovery/records/text_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace echostream::discovery {
namespace {

using Strings = std::vector<std::string>;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

const std::string kHex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

TextRecord camera() {
  TextRecord record;
  record.protocol_version = 1;
  record.node_id = "4f2a";
  record.fingerprint = Fingerprint::parse(kHex).value();
  record.services = {"acme.v1.Camera", "acme.v1.Light"};
  record.properties = {{"location", "door"}, {"Model", ""}};
  return record;
}

TextRecord with_properties(std::vector<std::pair<std::string, std::string>> properties) {
  TextRecord record;
  record.properties = std::move(properties);
  return record;
}

std::string why_not(const TextRecord& record) {
  const auto strings = write_text_record(record);
  if (strings) return "";
  EXPECT_EQ(strings.error().code(), StatusCode::kInvalidArgument);
  return std::string(strings.error().message());
}

TEST(TextRecord, IsWrittenWithTheVersionFirst) {
  EXPECT_THAT(write_text_record(camera()).value(),
              ElementsAre("v=1", "id=4f2a", "fp=" + kHex, "svc=acme.v1.Camera,acme.v1.Light",
                          "location=door", "Model="));
}

TEST(TextRecord, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_text_record(write_text_record(camera()).value()), camera());
  EXPECT_THAT(write_text_record(TextRecord()).value(), IsEmpty());
  EXPECT_EQ(parse_text_record({}), TextRecord());
}

TEST(TextRecord, SaysThatItsNodeIsLeavingByAKeyWithoutValue) {
  TextRecord leaving = camera();
  leaving.is_leaving = true;
  const Strings strings = leaving_text(write_text_record(camera()).value());
  EXPECT_THAT(strings, ElementsAre("v=1", "bye", "id=4f2a", "fp=" + kHex,
                                   "svc=acme.v1.Camera,acme.v1.Light", "location=door", "Model="));
  EXPECT_EQ(parse_text_record(strings), leaving);
  EXPECT_EQ(write_text_record(leaving).value(), strings);
  EXPECT_THAT(leaving_text({}), ElementsAre("bye"));
  for (const char* text : {"BYE", "bye=", "bye=no"}) {
    EXPECT_TRUE(parse_text_record({text}).is_leaving) << text;
  }
  EXPECT_FALSE(parse_text_record({"byes", "b=bye"}).is_leaving);
}

TEST(TextRecord, SaysSoWhereThoseWhoReadThe64FirstStringsSeeIt) {
  Strings strings(64, "");
  for (std::size_t i = 0; i < strings.size(); ++i) strings[i] = "k" + std::to_string(i);
  EXPECT_TRUE(parse_text_record(leaving_text(strings)).is_leaving);
}

TEST(TextRecord, GivesManyServicesAsManyStringsAsTheyNeed) {
  TextRecord record;
  for (int i = 10; i < 74; ++i) record.services.push_back("acme.v1.S" + std::to_string(i));
  const Strings strings = write_text_record(record).value();
  ASSERT_EQ(strings.size(), 4u);
  EXPECT_THAT(strings[0], HasSubstr("svc=acme.v1.S10,"));
  EXPECT_THAT(strings[1], HasSubstr("svc2=acme.v1.S"));
  EXPECT_THAT(strings[3], HasSubstr(",acme.v1.S73"));
  for (const std::string& string : strings) EXPECT_LE(string.size(), 255u);
  EXPECT_EQ(parse_text_record(strings), record);

  record.services.push_back("acme.v1.One");
  EXPECT_THAT(why_not(record), HasSubstr("65 services cannot be announced; at most 64"));
}

TEST(TextRecord, TakesServiceNamesOf249Bytes) {
  TextRecord record;
  record.services = {std::string(249, 'a'), "b", std::string(249, 'c')};
  const Strings strings = write_text_record(record).value();
  EXPECT_THAT(strings,
              ElementsAre("svc=" + record.services[0] + ",b", "svc2=" + record.services[2]));
  EXPECT_EQ(parse_text_record(strings), record);
  record.services = {std::string(250, 'a')};
  EXPECT_THAT(why_not(record), HasSubstr("at most 249 bytes"));
  for (const char* name : {"", "a,b", "a b", "a\n", "\xC3\xA9"}) {
    record.services = {name};
    EXPECT_THAT(why_not(record), HasSubstr("cannot be announced")) << name;
  }
}

TEST(TextRecord, TakesAPropertyOf254BytesAndNoLonger) {
  TextRecord record = with_properties({{"key", std::string(251, 'x')}});
  const Strings strings = write_text_record(record).value();
  EXPECT_EQ(strings.at(0).size(), 255u);
  EXPECT_EQ(parse_text_record(strings), record);
  record.properties[0].second += 'x';
  EXPECT_THAT(why_not(record), HasSubstr("the property \"key\" has 255 bytes, key and value "
                                         "together; make it at most 254"));
}

TEST(TextRecord, TakesAnyBytesAsAValue) {
  const TextRecord record = with_properties({{"k", std::string("\0=\xFF\n", 4)}});
  EXPECT_EQ(parse_text_record(write_text_record(record).value()), record);
}

TEST(TextRecord, Has1300BytesAltogetherAndNoMore) {
  TextRecord record = with_properties({{"a", std::string(253, 'x')},
                                       {"b", std::string(253, 'x')},
                                       {"c", std::string(253, 'x')},
                                       {"d", std::string(253, 'x')},
                                       {"e", std::string(253, 'x')},
                                       {"f", std::string(17, 'x')}});
  EXPECT_EQ(why_not(record), "");
  record.properties.back().second += 'x';
  EXPECT_THAT(why_not(record), HasSubstr("has 1301 bytes with its services; at most 1300 fit"));
}

TEST(TextRecord, Has64StringsAndNoMore) {
  TextRecord record;
  record.protocol_version = 1;
  for (int i = 0; i < 63; ++i) record.properties.emplace_back("p" + std::to_string(i), "");
  EXPECT_EQ(parse_text_record(write_text_record(record).value()), record);
  record.properties.emplace_back("q", "");
  EXPECT_THAT(why_not(record), HasSubstr("makes 65 strings; at most 64 are read"));
}

TEST(TextRecord, RefusesKeysThatAreNone) {
  for (const char* key : {"", "a=b", "a\n", "\xC3\xA9", "\x7F"}) {
    EXPECT_THAT(why_not(with_properties({{key, "x"}})), HasSubstr("printable ASCII without '='"));
  }
  EXPECT_EQ(why_not(with_properties({{"a key with blanks", "x"}})), "");
}

TEST(TextRecord, RefusesKeysThatAreTaken) {
  for (const char* key : {"v", "V", "id", "Fp", "svc", "svc2", "SVCx", "bye", "Bye"}) {
    EXPECT_THAT(why_not(with_properties({{key, "x"}})), HasSubstr("are taken")) << key;
  }
  EXPECT_EQ(why_not(with_properties({{"sv", ""}, {"version", ""}, {"ids", ""}, {"byes", ""}})), "");
}

TEST(TextRecord, RefusesAKeyThatIsThereTwice) {
  EXPECT_THAT(why_not(with_properties({{"room", "1"}, {"x", ""}, {"ROOM", "2"}})),
              HasSubstr("the property \"ROOM\" is there twice"));
}

TEST(TextRecord, RefusesANodeIdThatOthersWouldNotRead) {
  TextRecord record;
  record.node_id = std::string(64, 'x');
  EXPECT_EQ(parse_text_record(write_text_record(record).value()), record);
  for (const std::string& id : {std::string(65, 'x'), std::string("\n"), std::string("\xFF")}) {
    record.node_id = id;
    EXPECT_THAT(why_not(record), HasSubstr("at most 64 bytes of printable ASCII"));
  }
}

TEST(TextRecord, ShowsBadKeysEscapedAndShortened) {
  const std::string text = why_not(with_properties({{"\x1b[31m" + std::string(5000, 'x'), ""}}));
  EXPECT_THAT(text, HasSubstr("\\x1b[31m"));
  EXPECT_LT(text.size(), 300u);
}

TEST(TextRecord, LetsTheFirstOfOneKeyCount) {
  const TextRecord record = parse_text_record(
      {"id=one", "ID=two", "room=1", "ROOM=2", "room", "v=1", "v=2", "svc=a", "SVC=b"});
  EXPECT_EQ(record.node_id, "one");
  EXPECT_EQ(record.protocol_version, 1u);
  EXPECT_THAT(record.services, ElementsAre("a"));
  EXPECT_THAT(record.properties, ElementsAre(Pair("room", "1")));
}

TEST(TextRecord, LetsAFirstThatMakesNoSenseHideTheSecond) {
  const TextRecord record = parse_text_record({"v=x", "v=1", "fp=0", "fp=" + kHex});
  EXPECT_EQ(record, TextRecord());
}

TEST(TextRecord, LeavesOutStringsThatAreNoProperties) {
  EXPECT_EQ(parse_text_record({"", "=", "=v", "\n=1", "\xFF=1", std::string("a\0b=1", 5)}),
            TextRecord());
  EXPECT_EQ(parse_text_record({"k=" + std::string(254, 'x')}), TextRecord());
}

TEST(TextRecord, ReadsAKeyWithoutValueAsAnEmptyOne) {
  const TextRecord record = parse_text_record({"color", "x=", "y==", "id", "svc"});
  EXPECT_THAT(record.properties, ElementsAre(Pair("color", ""), Pair("x", ""), Pair("y", "=")));
  EXPECT_EQ(record.node_id, "");
  EXPECT_THAT(record.services, IsEmpty());
}

TEST(TextRecord, KeepsInvalidUtf8InValuesAsBytes) {
  const TextRecord record = parse_text_record({"k=\xFF\xFE\x1b"});
  EXPECT_THAT(record.properties, ElementsAre(Pair("k", "\xFF\xFE\x1b")));
}

TEST(TextRecord, TakesOnlyVersionsThatAreNumbers) {
  EXPECT_EQ(parse_text_record({"v=4294967295"}).protocol_version, 4294967295u);
  for (const char* text : {"v=4294967296", "v=-1", "v=1 ", "v= 1", "v=1.0", "v=", "v=0x1"}) {
    EXPECT_EQ(parse_text_record({text}).protocol_version, 0u) << text;
  }
}

TEST(TextRecord, TakesOnlyFingerprintsOf64Digits) {
  std::string upper = kHex;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(parse_text_record({"fp=" + upper}).fingerprint, camera().fingerprint);
  const std::string colons = camera().fingerprint->to_string();
  for (const std::string& text : {kHex + "0", kHex.substr(1), kHex.substr(1) + "g", colons}) {
    EXPECT_FALSE(parse_text_record({"fp=" + text}).fingerprint) << text;
  }
}

TEST(TextRecord, TakesOnlyServicesThatHaveNamesAndEachOnce) {
  const TextRecord record = parse_text_record({"svc=a,,b,a, c,d\n,\xFF,e", "svc2=,b,f", "svc1=x",
                                               "svc02=x", "svc65=x", "svcs=x", "svc64=g"});
  EXPECT_THAT(record.services, ElementsAre("a", "b", "e", "f", "g"));
  EXPECT_THAT(record.properties, IsEmpty());
}

TEST(TextRecord, TakesAtMost64Services) {
  std::string names = "svc=a";
  for (int i = 0; i < 50; ++i) names += "," + std::to_string(i);
  std::string more = "svc2=b";
  for (int i = 50; i < 100; ++i) more += "," + std::to_string(i);
  const TextRecord record = parse_text_record({names, more});
  EXPECT_EQ(record.services.size(), 64u);
  EXPECT_EQ(record.services.back(), "61");
}

TEST(TextRecord, LooksAtTheFirst64StringsOnly) {
  Strings strings(150, "");
  for (int i = 0; i < 150; ++i) {
    strings[static_cast<std::size_t>(i)] = "k" + std::to_string(i) + "=x";
  }
  EXPECT_EQ(parse_text_record(strings).properties.size(), 64u);
}

}  // namespace
}  // namespace echostream::discovery
