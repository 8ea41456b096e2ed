#include "runtime/core/frame/frames.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace echostream::core {
namespace {

using namespace std::chrono_literals;

// Calls `parses` with every beginning of `whole` but the whole: none may parse.
template <class Parses>
void expect_no_beginning_parses(BytesView whole, Parses parses) {
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parses(whole.first(size))) << size << " of " << whole.size() << " bytes";
  }
}

std::string varints(std::initializer_list<std::uint64_t> values) {
  ByteWriter out;
  for (const std::uint64_t value : values) out.write_varint(value);
  return std::string(as_text(out.bytes()));
}

TEST(Settings, ComeBackAsTheyWereWritten) {
  const SettingsFrame settings{12345, 678, 9};
  for (const std::uint64_t grease : {0ull, 1ull, 999ull, 1ull << 40}) {
    ByteWriter out;
    write_settings(out, settings, grease);
    const auto parsed = parse_settings(out.bytes());
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(*parsed, settings);
  }
}

TEST(Settings, TheGreaseIsOfTheReservedRange) {
  ByteWriter out;
  write_settings(out, {}, 7);
  ByteReader reader(out.bytes());
  for (int i = 0; i < 6; ++i) reader.read_varint();
  EXPECT_TRUE(is_reserved(reader.read_varint()));
}

TEST(Settings, NoneAtAllMeansTheDefaults) { EXPECT_EQ(*parse_settings({}), SettingsFrame()); }

TEST(Settings, UnknownOnesAreIgnoredAndTheLastOfTwoCounts) {
  const std::string payload = varints({0x99, 1, 0x01, 5, reserved_number(3), kMaxVarint, 0x01, 6});
  SettingsFrame expected;
  expected.max_message_bytes = 6;
  EXPECT_EQ(*parse_settings(as_bytes(payload)), expected);
}

TEST(Settings, CutInsideAPairTheyAreMalformed) {
  const std::string payload = varints({0x01, 100000, 0x02, 200000});
  for (std::size_t size = 1; size < payload.size(); ++size) {
    const bool is_whole = size == 5;
    const auto parsed = parse_settings(as_bytes(payload).first(size));
    EXPECT_EQ(parsed.has_value(), is_whole) << size;
    EXPECT_EQ(parsed.status().message(), is_whole ? "" : "malformed SETTINGS frame from the peer");
  }
}

TEST(Settings, NoLimitIsWrittenAsTheLargestVarint) {
  ByteWriter out;
  write_settings(out, {UINT64_MAX, std::uint64_t{1} << 63, std::uint64_t{1} << 62}, 0);
  EXPECT_EQ(*parse_settings(out.bytes()), (SettingsFrame{kMaxVarint, kMaxVarint, kMaxVarint}));
}

TEST(Request, ComesBackAsItWasWritten) {
  const RequestFrame request{kMaxVarint, 1500us, {{"token", std::string("\0\xff", 2)}, {"a", ""}}};
  ByteWriter out;
  write_request(out, request);
  const auto parsed = parse_request(out.bytes());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->method_id, request.method_id);
  EXPECT_EQ(parsed->timeout, request.timeout);
  EXPECT_EQ(parsed->metadata, request.metadata);
  expect_no_beginning_parses(out.bytes(),
                             [](BytesView bytes) { return parse_request(bytes).has_value(); });
}

TEST(Request, ADeadlineThatIsDueOrPastIsNotWrittenAsNone) {
  for (const Duration timeout : {Duration(1), Duration(-1), Duration(-5s), Duration::min()}) {
    ByteWriter out;
    write_request(out, {1, timeout, {}});
    EXPECT_EQ(parse_request(out.bytes())->timeout, 1us);
  }
  ByteWriter out;
  write_request(out, {1, Duration::zero(), {}});
  EXPECT_EQ(parse_request(out.bytes())->timeout, Duration::zero());
}

TEST(Request, AHugeTimeoutIsTakenAsTheLongestThereIs) {
  const auto parsed = parse_request(as_bytes(varints({1, kMaxVarint, 0})));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_GT(parsed->timeout, 24h * 365 * 290);
}

TEST(Request, ACountOfMetadataThatLiesIsMalformed) {
  const auto parsed = parse_request(as_bytes(varints({1, 0, kMaxVarint, 0, 0})));
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error(), Status(StatusCode::kInternal, "malformed REQUEST frame from the peer"));
}

TEST(Request, BytesBehindTheMetadataAreIgnored) {
  EXPECT_TRUE(parse_request(as_bytes(varints({1, 2, 0, 77, 78}))).has_value());
}

TEST(Request, AKeyThatIsNoKeyIsMalformed) {
  for (const std::string& key :
       {std::string(), std::string("Upper"), std::string("with space"), std::string("new\nline"),
        std::string("nul\0", 4), std::string("\xc3\xa4"), std::string(129, 'k')}) {
    ByteWriter out;
    out.write_varint(1);
    out.write_varint(0);
    out.write_varint(1);
    out.write_text(key);
    out.write_text("value");
    EXPECT_FALSE(parse_request(out.bytes()).has_value()) << key;
  }
}

TEST(Response, ComesBackAsItWasWritten) {
  const Metadata metadata{{"k", "v"}, {"k", "w"}};
  ByteWriter out;
  write_response(out, metadata);
  EXPECT_EQ(*parse_response(out.bytes()), metadata);
  expect_no_beginning_parses(out.bytes(),
                             [](BytesView bytes) { return parse_response(bytes).has_value(); });
}

TEST(StatusFrame, ComesBackAsItWasWritten) {
  StatusFrame frame{Status(StatusCode::kNotFound, "no such robot"), {{"trace", "1"}}};
  frame.status.add_detail({"type.googleapis.com/a.B", std::string("\0\1", 2)});
  frame.status.add_detail({"", ""});
  ByteWriter out;
  write_status(out, frame);
  const auto parsed = parse_status(out.bytes());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->status, frame.status);
  EXPECT_EQ(parsed->metadata, frame.metadata);
  expect_no_beginning_parses(out.bytes(),
                             [](BytesView bytes) { return parse_status(bytes).has_value(); });
}

TEST(StatusFrame, AnUnknownCodeIsUnknown) {
  EXPECT_EQ(parse_status(as_bytes(varints({17, 0, 0, 0})))->status.code(), StatusCode::kUnknown);
  EXPECT_EQ(parse_status(as_bytes(varints({kMaxVarint, 0, 0, 0})))->status.code(),
            StatusCode::kUnknown);
}

TEST(StatusFrame, ACountOfDetailsThatLiesIsMalformed) {
  EXPECT_EQ(parse_status(as_bytes(varints({3, 0, 1u << 20, 0, 0}))).error().message(),
            "malformed STATUS frame from the peer");
}

TEST(StatusFrame, OneThatIsTooLongIsCutToWhatEveryPeerTakes) {
  Status status(StatusCode::kInternal, std::string(100'000, 'e'));
  for (int i = 0; i < 100; ++i) status.add_detail({"type", std::string(1000, 'd')});
  const Status fitting = fit_for_wire(status);
  ByteWriter out;
  write_status(out, {fitting, {}});
  EXPECT_LE(out.size(), kMaxStatusBytes);
  EXPECT_EQ(fitting.code(), StatusCode::kInternal);
  EXPECT_EQ(fitting.message().size(), kMaxStatusBytes / 4);
  EXPECT_GT(fitting.details().size(), 40u);
  const Status small(StatusCode::kAborted, "short");
  EXPECT_EQ(fit_for_wire(small), small);
  EXPECT_EQ(fit_for_wire(Status()), Status());
}

TEST(StatusFrame, AMessageIsNotCutInsideACharacter) {
  std::string text = "x";
  while (text.size() < kMaxStatusBytes) text += "\xe2\x82\xac";
  const Status fitting = fit_for_wire(Status(StatusCode::kInternal, text));
  EXPECT_EQ((fitting.message().size() - 1) % 3, 0u);
  EXPECT_GT(fitting.message().size(), kMaxStatusBytes / 4 - 3);
}

TEST(EventHeader, ComesBackAsItWasWrittenWithTheMessageBehindIt) {
  ByteWriter out;
  write_event_header(out, {42, RemoteTime(Duration(7)), {}, {{"k", "v"}}});
  const std::size_t header_size = out.size();
  out.write_bytes(as_bytes("message"));
  ByteReader reader(out.bytes());
  const auto header = parse_event_header(reader);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->method_id, 42u);
  EXPECT_EQ(header->emitted_at, RemoteTime(Duration(7)));
  EXPECT_EQ(header->metadata.find("k"), "v");
  EXPECT_EQ(as_text(reader.rest()), "message");
  expect_no_beginning_parses(out.bytes().first(header_size), [](BytesView bytes) {
    ByteReader cut(bytes);
    return parse_event_header(cut).has_value();
  });
}

TEST(FrameHeader, KeepsSequenceAndCaptureTime) {
  for (const FrameHeader& header :
       {FrameHeader{0, RemoteTime{}}, FrameHeader{kMaxVarint, RemoteTime(123456789ns)}}) {
    std::array<std::uint8_t, 16> bytes;
    std::uint8_t* end = write_frame_header(bytes.data(), header);
    const auto size = static_cast<std::size_t>(end - bytes.data());
    EXPECT_EQ(size, frame_header_size(header));
    ByteReader reader(BytesView(bytes).first(size));
    const FrameHeader read = read_frame_header(reader);
    EXPECT_EQ(read.sequence, header.sequence);
    EXPECT_EQ(read.capture_time, header.capture_time);
  }
}

TEST(FrameHeader, ACaptureBeforeTheClocksZeroIsSentAsUnknown) {
  std::array<std::uint8_t, 16> bytes;
  const FrameHeader header{1, RemoteTime(-5s)};
  write_frame_header(bytes.data(), header);
  ByteReader reader(bytes);
  EXPECT_EQ(read_frame_header(reader).capture_time, RemoteTime{});
}

TEST(DatagramHeader, ComesBackAsItWasWritten) {
  const DatagramHeader whole{8, {5, RemoteTime(7ns)}, 0, 1};
  const DatagramHeader fragment{kMaxVarint - 3, {kMaxVarint, RemoteTime(1h)}, 4095, 4096};
  for (const DatagramHeader& header : {whole, fragment}) {
    const Buffer bytes = make_datagram_header(header);
    ByteReader reader(bytes);
    const auto read = read_datagram_header(reader);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->call_id, header.call_id);
    EXPECT_EQ(read->frame.sequence, header.frame.sequence);
    EXPECT_EQ(read->frame.capture_time, header.frame.capture_time);
    EXPECT_EQ(read->fragment_index, header.fragment_index);
    EXPECT_EQ(read->fragment_count, header.fragment_count);
    expect_no_beginning_parses(bytes, [](BytesView cut) {
      ByteReader cut_reader(cut);
      return read_datagram_header(cut_reader).has_value();
    });
  }
}

TEST(DatagramHeader, RefusesOtherTypesAndFragmentsThatCannotBe) {
  const auto reads = [](std::initializer_list<std::uint64_t> values) {
    const std::string bytes = varints(values);
    ByteReader reader(as_bytes(bytes));
    return read_datagram_header(reader).has_value();
  };
  EXPECT_TRUE(reads({1, 0, 0, 0, 0, 1}));
  EXPECT_TRUE(reads({1, 0, 0, 0, 4095, 4096}));
  EXPECT_FALSE(reads({1, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(reads({1, 0, 0, 0, 2, 2}));
  EXPECT_FALSE(reads({1, 0, 0, 0, 0, 4097}));
  EXPECT_FALSE(reads({2, 0, 0, 0}));
  EXPECT_FALSE(reads({reserved_number(0), 0, 0, 0}));
}

TEST(CheckMetadata, TakesItsLimitAndRefusesOneByteMore) {
  const Metadata metadata{{"key", std::string(65, 'v')}};  // 32 + 3 + 65
  EXPECT_TRUE(check_metadata(metadata, 100).is_ok());
  const Status status = check_metadata(metadata, 99);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("counts 100 bytes"), std::string::npos);
  EXPECT_TRUE(check_metadata({}, 0).is_ok());
}

TEST(CheckMetadata, RefusesKeysThatAPeerWouldRefuse) {
  EXPECT_EQ(check_metadata({{"Key", "v"}}, 1000).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(check_metadata({{"", "v"}}, 1000).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(check_metadata({{std::string(128, 'k'), "v"}}, 1000).is_ok());
  EXPECT_EQ(check_metadata({{std::string(129, 'k'), "v"}}, 1000).code(),
            StatusCode::kInvalidArgument);
}

TEST(Wire, ReservedNumbersNeverMeetOursAndEveryErrorHasAName) {
  for (std::uint64_t n = 0; n < 1000; ++n) EXPECT_TRUE(is_reserved(reserved_number(n)));
  for (std::uint64_t type = 0; type <= 0x20; ++type) EXPECT_FALSE(is_reserved(type));
  for (std::uint64_t code = 0x100; code <= 0x107; ++code) {
    EXPECT_NE(to_string(static_cast<WireError>(code)), "unknown error");
  }
  EXPECT_EQ(to_string(static_cast<WireError>(0x108)), "unknown error");
}

TEST(MakeFrame, IsTypeLengthAndPayload) {
  const Buffer frame = make_frame(FrameType::kMessage, as_bytes("hi"));
  EXPECT_EQ(frame.text(), std::string("\x12\x02hi"));
}

}  // namespace
}  // namespace echostream::core
