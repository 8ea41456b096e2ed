// tshark decrypts a capture with the key log, and shows our protocol with tools/wireshark.
#include <gmock/gmock.h>

#include <cstdio>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/lab.h"
#include "tests/support/pcap_file.h"
#include "tests/support/test_files.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

constexpr std::size_t kLargeBytes = 20'000;
constexpr char kSecret[] = "the treasure lies under the third tree";

template <class T>
Task<int> count_frames(Reader<T> reader) {
  int frames = 0;
  while (auto frame = co_await reader.next()) ++frames;
  co_return frames;
}

/// A session with some of everything, captured, and its keys.
class Wireshark : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string_view(ECHOSTREAM_TSHARK).empty()) {
      GTEST_SKIP()
          << "NOT TESTED: there is no tshark; scripts/setup installs it; then configure again";
    }
  }

  void capture(const LinkOptions& link = {}, std::uint64_t seed = 1) {
    Lab::Options options;
    options.seed = seed;
    options.link = link;
    options.link.delay = 5ms;
    options.tune_server = [this](NodeOptions& node) {
      node.key_log_file = keys_;
      node.log = [](LogLevel, std::string_view) {};
    };
    PcapFile file(capture_);
    Lab lab(options);  // goes first: its nodes say farewell
    lab.sim.capture([&](const CapturedDatagram& datagram) { file.add(datagram); });
    lab.connect();
    ASSERT_TRUE(lab.at_client);
    talk(lab);
    lab.sim.capture({});
    file.flush();
  }

  static void talk(Lab& lab) {
    auto client = lab.client();
    Metadata metadata;
    metadata.add("color", "blue");
    metadata.add("empty", "");
    ASSERT_TRUE(*lab.run(client.Echo(text(kSecret), CallOptions().metadata(metadata))));
    lab::v1::Text failing = text("no such treasure");
    failing.set_number(static_cast<int>(StatusCode::kNotFound));
    ASSERT_FALSE(*lab.run(client.Fail(failing)));
    // Of more than one packet.
    lab::v1::Text large = text("large");
    large.set_payload(std::string(kLargeBytes, 'x'));
    ASSERT_TRUE(*lab.run(client.Echo(large)));
    ASSERT_TRUE(lab.run(client.Note(text("noted")))->is_ok());
    lab::v1::Count five;
    five.set_count(5);
    EXPECT_EQ(lab.run(count_frames(*lab.run(client.CountUp(five)))), 5);
    EXPECT_GE(lab.run(count_frames(*lab.run(client.Expiring(five)))), 1);
    EXPECT_GE(lab.run(count_frames(*lab.run(client.Datagrams(five)))), 1);
    lab.run_for(1s);
    lab.at_client->close();
    lab.run_for(1s);
  }

  /// What tshark prints, line by line. `with_keys`: it may decrypt.
  std::vector<std::string> tshark(const std::string& arguments, bool with_keys = true) {
    std::string command = std::string(ECHOSTREAM_TSHARK) + " -r " + capture_ +
                          " -d udp.port==4433,quic -X lua_script:" ECHOSTREAM_DISSECTOR;
    if (with_keys) command += " -o tls.keylog_file:" + keys_;
    command += " " + arguments + " 2>" + (folder_ / "errors");
    std::string text;
    FILE* output = popen(command.c_str(), "r");
    EXPECT_NE(output, nullptr);
    if (output == nullptr) return {};
    char piece[4096];
    for (std::size_t size; (size = std::fread(piece, 1, sizeof piece, output)) > 0;) {
      text.append(piece, size);
    }
    EXPECT_EQ(pclose(output), 0) << command << "\n" << read_file(folder_ / "errors");
    EXPECT_THAT(read_file(folder_ / "errors"), Not(HasSubstr("Lua"))) << command;
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }
  /// The values of a field, in all packets that have it.
  std::vector<std::string> values(const std::string& field) {
    std::vector<std::string> found;
    for (const std::string& line :
         tshark("-T fields -E aggregator=';' -e " + field + " -Y " + field)) {
      std::istringstream stream(line);
      for (std::string value; std::getline(stream, value, ';');) found.push_back(value);
    }
    return found;
  }

  TemporaryFolder folder_;
  const std::string keys_ = folder_ / "keys";
  const std::string capture_ = folder_ / "capture.pcap";
};

std::string hexadecimal(std::string_view text) {
  std::string digits;
  for (const char byte : text) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", static_cast<unsigned char>(byte));
    digits += pair;
  }
  return digits;
}

std::string id_of(std::string_view method_name) {
  for (const MethodInfo& method : lab::v1::Lab::info().methods) {
    if (method.name != method_name) continue;
    char id[32];
    std::snprintf(id, sizeof id, "0x%016llx", static_cast<unsigned long long>(method.id));
    return id;
  }
  return "no such method";
}

TEST_F(Wireshark, DecryptsEveryPacketWithTheKeyLogOfOneEnd) {
  capture();
  EXPECT_THAT(values("tls.handshake.extensions_alpn_str"), Contains("echostream/1").Times(2));
  EXPECT_THAT(values("quic.stream_data"), Contains(HasSubstr(hexadecimal(kSecret))).Times(2));
  EXPECT_THAT(tshark("-Y quic.decryption_failed"), IsEmpty());
}

TEST_F(Wireshark, ReadsNothingWithoutTheKeyLog) {
  capture();
  EXPECT_THAT(tshark("-T fields -e quic.stream_data -Y quic.stream_data", false), IsEmpty());
  EXPECT_THAT(tshark("-Y echostream", false), IsEmpty());
  EXPECT_THAT(read_file(capture_), Not(HasSubstr(kSecret)));
}

TEST_F(Wireshark, ShowsCallsWithTheirMethodMetadataAndStatus) {
  capture();
  EXPECT_THAT(values("echostream.metadata.key"), ElementsAre("color", "empty"));
  EXPECT_THAT(values("echostream.metadata.value"), ElementsAre(hexadecimal("blue")));
  EXPECT_THAT(values("echostream.status.message"), Contains("no such treasure"));
  const auto messages = values("echostream.message");
  EXPECT_THAT(messages, Contains(HasSubstr(hexadecimal(kSecret))).Times(2));
  // Put together from many packets.
  EXPECT_THAT(messages, Contains(HasSubstr(hexadecimal(std::string(kLargeBytes, 'x')))).Times(2));
  const auto methods = values("echostream.method_id");
  EXPECT_THAT(methods, Contains(id_of("Echo")).Times(2));
  EXPECT_THAT(methods, Contains(id_of("Note")).Times(1));
}

TEST_F(Wireshark, ShowsFramesOfStreamsByTheirSequence) {
  capture();
  const auto sequences = values("echostream.sequence");  // of three streams, one of each delivery
  for (const char* sequence : {"0", "1", "2", "3", "4"}) {
    EXPECT_THAT(sequences, Contains(sequence).Times(3));
  }
  EXPECT_THAT(values("echostream.call_id"), Contains("16").Times(Ge(5u)));
  EXPECT_THAT(values("echostream.total"), ElementsAre("5", "5"));
  EXPECT_THAT(values("echostream.datagram.name"),
              IsSupersetOf({"frame", "CLOCK_REQUEST", "CLOCK_REPLY", "REPORT"}));
}

std::map<std::string, int> counted(const std::vector<std::string>& values) {
  std::map<std::string, int> counts;
  for (const std::string& value : values) ++counts[value];
  return counts;
}

TEST_F(Wireshark, ShowsEachFrameOnceWhenPacketsAreLostReorderedAndSentAgain) {
  LinkOptions link;
  link.loss = 0.15;
  link.reorder = 0.1;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    capture(link, seed);
    auto frames = counted(values("echostream.frame.name"));
    EXPECT_EQ(frames["SETTINGS"], 2);
    EXPECT_EQ(frames["REQUEST"], 6);
    EXPECT_EQ(frames["STATUS"], 6);
    EXPECT_EQ(frames["EVENT"], 1);
    EXPECT_EQ(frames["TIMED_MESSAGE"], 5);
    EXPECT_EQ(frames["MESSAGE"], 8);  // six requests and two replies
    // Streams, by their types: two of control, one of events, and one for each frame.
    auto streams = counted(values("echostream.stream.type"));
    EXPECT_EQ(streams["0x0000000000000000"], 2);
    EXPECT_EQ(streams["0x0000000000000001"], 1);
    EXPECT_GE(streams["0x0000000000000002"], 1);
    EXPECT_LE(streams["0x0000000000000002"], 5);
    EXPECT_THAT(values("echostream.malformed"), IsEmpty());
  }
}

TEST_F(Wireshark, LooksTheSameWhenPacketsAreLookedAtAgain) {
  LinkOptions link;
  link.loss = 0.1;
  capture(link);
  const auto once = tshark("-O echostream");
  EXPECT_GT(once.size(), 100u);
  EXPECT_EQ(once, tshark("-2 -O echostream"));
}

}  // namespace
}  // namespace echostream::testing
