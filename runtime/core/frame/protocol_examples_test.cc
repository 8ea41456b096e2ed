// The byte examples of docs/protocol.md: each is read from the page, parsed, compared field by
// field, and written again to the same bytes.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/frame/clock_report.h"
#include "runtime/core/frame/frames.h"
#include "tests/support/core_fakes.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using testing::frame_bytes;
using testing::read_frames;
using testing::varint_bytes;

constexpr std::uint64_t kGrip = 0x2e6908063c9e3be1;
constexpr std::uint64_t kPing = 0x3a513c64de994815;

// The bytes of each ```bytes name=... block; comments begin with '#'.
std::map<std::string, std::string> read_examples() {
  std::ifstream file(ECHOSTREAM_PROTOCOL_MD);
  EXPECT_TRUE(file.is_open()) << ECHOSTREAM_PROTOCOL_MD;
  std::map<std::string, std::string> examples;
  constexpr std::string_view kOpening = "```bytes name=";
  std::string line;
  std::string name;
  while (std::getline(file, line)) {
    if (line.starts_with(kOpening)) {
      name = line.substr(kOpening.size());
      EXPECT_TRUE(examples.emplace(name, "").second) << "two examples are called " << name;
    } else if (line.starts_with("```")) {
      name.clear();
    } else if (!name.empty()) {
      std::istringstream bytes(line.substr(0, line.find('#')));
      for (std::string byte; bytes >> byte;) {
        char* end = nullptr;
        const unsigned long value = std::strtoul(byte.c_str(), &end, 16);
        EXPECT_TRUE(byte.size() == 2 && *end == '\0') << name << ": '" << byte << "' is no byte";
        examples[name].push_back(static_cast<char>(value));
      }
    }
  }
  return examples;
}

// Writes a frame whose payload `write` fills.
template <class Write>
std::string frame(FrameType type, Write write) {
  ByteWriter payload;
  write(payload);
  return frame_bytes(type, as_text(payload.bytes()));
}

// The payload of the one frame that `bytes` are.
std::string payload_of(FrameType type, const std::string& bytes) {
  const auto frames = read_frames(as_bytes(bytes));
  EXPECT_EQ(frames.size(), 1u);
  if (frames.size() != 1) return "";
  EXPECT_EQ(frames[0].type, static_cast<std::uint64_t>(type));
  EXPECT_EQ(frame_bytes(frames[0].type, frames[0].payload), bytes);
  return frames[0].payload;
}

// Each check returns what it wrote from what it read.
std::string check_varints(const std::string& bytes) {
  ByteReader reader(as_bytes(bytes));
  std::string again;
  for (const std::uint64_t value : {151288809941952652ull, 494878333ull, 15293ull, 37ull}) {
    EXPECT_EQ(reader.read_varint(), value);
    again += varint_bytes({value});
  }
  EXPECT_EQ(as_text(reader.rest()), "\x40\x25") << "the one that is longer than needed";
  EXPECT_EQ(reader.read_varint(), 37u);
  EXPECT_TRUE(reader.ok() && reader.rest().empty());
  return again + "\x40\x25";
}

std::string check_control_stream(const std::string& bytes) {
  EXPECT_EQ(bytes[0], static_cast<char>(StreamType::kControl));
  const auto frames = read_frames(as_bytes(bytes).subspan(1));
  EXPECT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].type, static_cast<std::uint64_t>(FrameType::kSettings));
  const auto settings = parse_settings(as_bytes(frames[0].payload));
  EXPECT_EQ(*settings, SettingsFrame()) << "the defaults";
  EXPECT_TRUE(is_reserved(frames[1].type));
  ByteWriter again;
  write_settings(again, *settings, 0);
  std::string payload(as_text(again.bytes()));
  EXPECT_EQ(payload.back(), 0);
  payload.back() = 5;  // the reserved setting's value is anything
  return varint_bytes({0}) + frame_bytes(FrameType::kSettings, payload) +
         frame_bytes(frames[1].type, "");
}

std::string check_goaway(const std::string& bytes) {
  EXPECT_EQ(payload_of(FrameType::kGoaway, bytes), "");
  return std::string(make_frame(FrameType::kGoaway, {}).text());
}

std::string check_unknown_frame(const std::string& bytes) {
  const auto frames = read_frames(as_bytes(bytes));
  EXPECT_EQ(frames.at(0).type, 0x40u);
  EXPECT_EQ(frames[0].payload, "\xaa\xbb\xcc");
  return frame_bytes(0x40, frames[0].payload);
}

std::string check_node_clock_report(const std::string& bytes) {
  const auto report = parse_clock_report(as_bytes(payload_of(FrameType::kClockReport, bytes)));
  EXPECT_EQ(report->node, 7u);
  EXPECT_EQ(report->sent, RemoteTime(20s));
  EXPECT_EQ(report->reference, 3u);
  EXPECT_EQ(report->timescale, 1000u);
  EXPECT_EQ(report->beat, 42u);
  EXPECT_EQ(report->hops, 1u);
  EXPECT_EQ(report->via, 3u);
  EXPECT_TRUE(report->is_shared);
  EXPECT_EQ(report->offset, Duration(5s));
  EXPECT_NEAR(report->skew_ppm, -20, 1e-9);
  EXPECT_EQ(report->bound, Duration(2ms));
  EXPECT_EQ(report->estimated_error, Duration(30us));
  EXPECT_EQ(report->edges.size(), 1u);
  EXPECT_EQ(report->edges[0].peer, 3u);
  return frame(FrameType::kClockReport, [&](ByteWriter& out) { write_clock_report(out, *report); });
}

std::string check_clock_request(const std::string& bytes) {
  EXPECT_EQ(datagram_type(as_bytes(bytes)), DatagramType::kClockRequest);
  const auto id = read_clock_request(as_bytes(bytes));
  EXPECT_EQ(id, 1001u);
  return std::string(make_clock_request(*id).text());
}

std::string check_clock_reply(const std::string& bytes) {
  EXPECT_EQ(datagram_type(as_bytes(bytes)), DatagramType::kClockReply);
  const auto reply = read_clock_reply(as_bytes(bytes));
  EXPECT_EQ(reply->id, 1001u);
  EXPECT_EQ(reply->received, RemoteTime(7s));
  EXPECT_EQ(reply->sent, RemoteTime(7s + 40us));
  EXPECT_EQ(reply->previous_id, 1000u);
  EXPECT_EQ(reply->previous_sent, RemoteTime(6950051us));
  return std::string(make_clock_reply(*reply).text());
}

std::string check_report(const std::string& bytes) {
  EXPECT_EQ(datagram_type(as_bytes(bytes)), DatagramType::kReport);
  const auto report = read_report(as_bytes(bytes));
  EXPECT_EQ(report->call_id, 8u);
  EXPECT_EQ(report->expected, 250u);
  EXPECT_EQ(report->received, 245u);
  EXPECT_EQ(report->late, 2u);
  EXPECT_EQ(report->jitter, 1200us);
  EXPECT_EQ(report->target_delay, 35ms);
  EXPECT_EQ(report->captured_at, RemoteTime(5s));
  EXPECT_EQ(report->played_at, RemoteTime(9065ms));
  return std::string(make_report(*report).text());
}

std::string check_request(const std::string& bytes, Duration timeout, const Metadata& metadata,
                          RemoteTime made_at = {}) {
  const auto request = parse_request(as_bytes(payload_of(FrameType::kRequest, bytes)));
  EXPECT_EQ(request->method_id, kGrip);
  EXPECT_EQ(request->timeout, timeout);
  EXPECT_EQ(request->metadata, metadata);
  EXPECT_EQ(request->made_at, made_at);
  return frame(FrameType::kRequest, [&](ByteWriter& out) { write_request(out, *request); });
}

std::string check_response(const std::string& bytes) {
  const auto metadata = parse_response(as_bytes(payload_of(FrameType::kResponse, bytes)));
  EXPECT_EQ(*metadata, (Metadata{{"served-by", "robot-1"}}));
  return frame(FrameType::kResponse, [&](ByteWriter& out) { write_response(out, *metadata); });
}

std::string check_message(const std::string& bytes) {
  const std::string message = payload_of(FrameType::kMessage, bytes);
  EXPECT_EQ(message, "\x08\x07");
  return std::string(make_frame(FrameType::kMessage, as_bytes(message)).text());
}

std::string written_header(const FrameHeader& header) {
  std::array<std::uint8_t, 16> bytes;
  const std::uint8_t* end = write_frame_header(bytes.data(), header);
  return std::string(as_text(BytesView(bytes.data(), end)));
}

std::string check_timed_message(const std::string& bytes) {
  const std::string payload = payload_of(FrameType::kTimedMessage, bytes);
  ByteReader reader(as_bytes(payload));
  const FrameHeader header = read_frame_header(reader);
  EXPECT_EQ(header.sequence, 5u);
  EXPECT_EQ(header.capture_time, RemoteTime(1234567890ns));
  EXPECT_EQ(as_text(reader.rest()), "\x08\x07");
  return frame_bytes(FrameType::kTimedMessage, written_header(header) + "\x08\x07");
}

std::string check_end(const std::string& bytes) {
  const std::string payload = payload_of(FrameType::kEnd, bytes);
  ByteReader reader(as_bytes(payload));
  EXPECT_EQ(reader.read_varint(), 250u);
  return frame_bytes(FrameType::kEnd, varint_bytes({250}));
}

std::string check_status(const std::string& bytes, const Status& status, const Metadata& metadata) {
  const auto parsed = parse_status(as_bytes(payload_of(FrameType::kStatus, bytes)));
  EXPECT_EQ(parsed->status, status);
  EXPECT_EQ(parsed->metadata, metadata);
  return frame(FrameType::kStatus, [&](ByteWriter& out) { write_status(out, *parsed); });
}

std::string check_rpc_stream(const std::string& bytes, std::vector<FrameType> types) {
  const auto frames = read_frames(as_bytes(bytes));
  EXPECT_EQ(frames.size(), types.size());
  std::string again;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].type, static_cast<std::uint64_t>(types[i]));
    again += frame_bytes(frames[i].type, frames[i].payload);
    if (types[i] == FrameType::kRequest) {
      EXPECT_EQ(parse_request(as_bytes(frames[i].payload))->method_id, kGrip);
    } else if (types[i] == FrameType::kStatus) {
      EXPECT_TRUE(parse_status(as_bytes(frames[i].payload))->status.is_ok());
    } else {
      EXPECT_EQ(frames[i].payload.size(), 2u);
    }
  }
  return again;
}

std::string check_event_stream(const std::string& bytes) {
  EXPECT_EQ(bytes[0], static_cast<char>(StreamType::kEvents));
  const auto frames = read_frames(as_bytes(bytes).subspan(1));
  EXPECT_EQ(frames.size(), 2u);
  std::string again = varint_bytes({1});
  for (std::size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].type, static_cast<std::uint64_t>(FrameType::kEvent));
    ByteReader reader(as_bytes(frames[i].payload));
    const auto header = parse_event_header(reader);
    EXPECT_EQ(header->method_id, kPing);
    EXPECT_EQ(header->emitted_at, i == 0 ? RemoteTime(2s) : RemoteTime{});
    EXPECT_EQ(header->metadata, i == 0 ? Metadata{} : (Metadata{{"k", "v"}}));
    EXPECT_EQ(as_text(reader.rest()), i == 0 ? "\x08\x07" : "\x08\x08");
    again += frame(FrameType::kEvent, [&](ByteWriter& out) {
      write_event_header(out, *header);
      out.write_bytes(reader.rest());
    });
  }
  return again;
}

std::string check_frame_stream(const std::string& bytes) {
  ByteReader reader(as_bytes(bytes));
  EXPECT_EQ(reader.read_varint(), static_cast<std::uint64_t>(StreamType::kFrame));
  EXPECT_EQ(reader.read_varint(), 8u);
  const FrameHeader header = read_frame_header(reader);
  EXPECT_EQ(header.sequence, 3u);
  EXPECT_EQ(header.capture_time, RemoteTime(5s));
  EXPECT_EQ(as_text(reader.rest()), "picture");
  return varint_bytes({2, 8}) + written_header(header) + "picture";
}

std::string check_datagram(const std::string& bytes, const DatagramHeader& expected,
                           std::string_view message) {
  ByteReader reader(as_bytes(bytes));
  const auto header = read_datagram_header(reader);
  EXPECT_TRUE(header.has_value());
  EXPECT_EQ(header->call_id, expected.call_id);
  EXPECT_EQ(header->frame.sequence, expected.frame.sequence);
  EXPECT_EQ(header->frame.capture_time, expected.frame.capture_time);
  EXPECT_EQ(header->fragment_index, expected.fragment_index);
  EXPECT_EQ(header->fragment_count, expected.fragment_count);
  EXPECT_EQ(as_text(reader.rest()), message);
  return std::string(make_datagram_header(*header).text()) + std::string(message);
}

std::map<std::string, std::function<std::string(const std::string&)>> all_checks() {
  Status not_found(StatusCode::kNotFound, "no such robot");
  not_found.add_detail({"type.googleapis.com/acme.v1.Missing", "\x08\x07"});
  return {
      {"varints", check_varints},
      {"control-stream", check_control_stream},
      {"goaway", check_goaway},
      {"unknown-frame", check_unknown_frame},
      {"request-simple", [](const auto& bytes) { return check_request(bytes, 200ms, {}); }},
      {"request-metadata",
       [](const auto& bytes) {
         return check_request(bytes, 0ms, {{"token", "s3cr3t"}, {"trace", "7"}});
       }},
      {"request-made-at",
       [](const auto& bytes) { return check_request(bytes, 200ms, {}, RemoteTime(2s)); }},
      {"clock-report", check_node_clock_report},
      {"clock-request", check_clock_request},
      {"clock-reply", check_clock_reply},
      {"report", check_report},
      {"response", check_response},
      {"message", check_message},
      {"timed-message", check_timed_message},
      {"end", check_end},
      {"status-ok", [](const auto& bytes) { return check_status(bytes, Status(), {}); }},
      {"status-error",
       [=](const auto& bytes) {
         return check_status(bytes, not_found, {{"retry", "no"}});
       }},
      {"rpc-request-stream",
       [](const auto& bytes) {
         return check_rpc_stream(bytes, {FrameType::kRequest, FrameType::kMessage});
       }},
      {"rpc-reply-stream",
       [](const auto& bytes) {
         return check_rpc_stream(bytes, {FrameType::kMessage, FrameType::kStatus});
       }},
      {"event-stream", check_event_stream},
      {"frame-stream", check_frame_stream},
      {"datagram-whole",
       [](const auto& bytes) {
         return check_datagram(bytes, {8, {41, RemoteTime(5s)}, 0, 1}, "voice");
       }},
      {"datagram-fragment",
       [](const auto& bytes) {
         return check_datagram(bytes, {8, {42, RemoteTime{}}, 1, 3}, "middle");
       }},
  };
}

TEST(ProtocolExamples, EachIsReadAsThePageSaysAndWrittenToTheSameBytes) {
  const auto examples = read_examples();
  for (const auto& [name, check] : all_checks()) {
    SCOPED_TRACE(name);
    const auto example = examples.find(name);
    if (example == examples.end()) {
      ADD_FAILURE() << "docs/protocol.md has no example of this name";
      continue;
    }
    EXPECT_EQ(check(example->second), example->second);
  }
}

TEST(ProtocolExamples, EachHasACheck) {
  const auto checks = all_checks();
  for (const auto& [name, bytes] : read_examples()) {
    EXPECT_EQ(checks.count(name), 1u) << "nothing checks the example " << name;
    EXPECT_FALSE(bytes.empty()) << name;
  }
}

TEST(ProtocolExamples, MethodIdsAreTheHashThatThePageDescribes) {
  const auto hash = [](std::string_view text) {
    std::uint64_t value = 0xcbf29ce484222325;
    for (const char c : text) value = (value ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    return value;
  };
  EXPECT_EQ(hash("acme.v1.Robot/Grip"), 0xae6908063c9e3be1);
  EXPECT_EQ(hash("acme.v1.Robot/Grip") & kMaxVarint, kGrip);
  EXPECT_EQ(hash("acme.v1.Robot/Ping") & kMaxVarint, kPing);
}

// The page's tables of numbers, against the code's.
TEST(ProtocolExamples, ThePageNamesEveryNumberOfTheCode) {
  std::ifstream file(ECHOSTREAM_PROTOCOL_MD);
  std::stringstream page;
  page << file.rdbuf();
  const auto has_row = [&](std::uint64_t number, int digits, std::string_view name) {
    char start[64];
    std::snprintf(start, sizeof start, "| 0x%0*llx | %s |", digits,
                  static_cast<unsigned long long>(number), std::string(name).c_str());
    EXPECT_NE(page.str().find(start), std::string::npos) << start;
  };
  has_row(static_cast<std::uint64_t>(FrameType::kSettings), 2, "SETTINGS");
  has_row(static_cast<std::uint64_t>(FrameType::kGoaway), 2, "GOAWAY");
  has_row(static_cast<std::uint64_t>(FrameType::kClockReport), 2, "CLOCK_REPORT");
  has_row(static_cast<std::uint64_t>(FrameType::kRequest), 2, "REQUEST");
  has_row(static_cast<std::uint64_t>(FrameType::kResponse), 2, "RESPONSE");
  has_row(static_cast<std::uint64_t>(FrameType::kMessage), 2, "MESSAGE");
  has_row(static_cast<std::uint64_t>(FrameType::kTimedMessage), 2, "TIMED_MESSAGE");
  has_row(static_cast<std::uint64_t>(FrameType::kEnd), 2, "END");
  has_row(static_cast<std::uint64_t>(FrameType::kStatus), 2, "STATUS");
  has_row(static_cast<std::uint64_t>(FrameType::kEvent), 2, "EVENT");
  has_row(static_cast<std::uint64_t>(DatagramType::kClockRequest), 2, "CLOCK_REQUEST");
  has_row(static_cast<std::uint64_t>(DatagramType::kClockReply), 2, "CLOCK_REPLY");
  has_row(static_cast<std::uint64_t>(DatagramType::kReport), 2, "REPORT");
  has_row(static_cast<std::uint64_t>(SettingId::kMaxMessageBytes), 2, "max_message_bytes");
  has_row(static_cast<std::uint64_t>(SettingId::kMaxMetadataBytes), 2, "max_metadata_bytes");
  has_row(static_cast<std::uint64_t>(SettingId::kMaxSubscriptions), 2, "max_subscriptions");
  has_row(static_cast<std::uint64_t>(WireError::kNone), 3, "NONE");
  has_row(static_cast<std::uint64_t>(WireError::kProtocol), 3, "PROTOCOL");
  has_row(static_cast<std::uint64_t>(WireError::kCancelled), 3, "CANCELLED");
  has_row(static_cast<std::uint64_t>(WireError::kStale), 3, "STALE");
  has_row(static_cast<std::uint64_t>(WireError::kLimit), 3, "LIMIT");
  has_row(static_cast<std::uint64_t>(WireError::kRefused), 3, "REFUSED");
  has_row(static_cast<std::uint64_t>(WireError::kInternal), 3, "INTERNAL");
  has_row(static_cast<std::uint64_t>(WireError::kUnknownStreamType), 3, "UNKNOWN_STREAM_TYPE");
}

}  // namespace
}  // namespace echostream::core
