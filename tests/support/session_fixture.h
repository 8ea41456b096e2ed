// One core::Session under test, against the bytes of a peer that need not be ours.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/core_fakes.h"

namespace echostream::testing {

using core::CallStream;
using core::FrameType;
using core::Session;
using core::StatusFrame;
using core::WireError;

inline constexpr StreamId kPeerCall{1};     // the peer is the server
inline constexpr StreamId kPeerControl{3};  // its first unidirectional stream
inline constexpr StreamId kPeerStream{7};   // its second
inline constexpr StreamId kOurControl{2};
inline constexpr StreamId kOurCall{0};

class SessionFixture : public ::testing::Test {
 public:
  void connect() {
    session = std::make_unique<Session>(executor, transport, observer, limits, 5);
    session->handle_connected();
  }
  void connect_with_settings() {
    connect();
    receive(kPeerControl, varint_bytes({0}) + settings_bytes({}));
  }
  void receive(StreamId id, std::string_view bytes, bool fin = false) {
    session->handle_stream_data(executor.now(), id, as_bytes(bytes), fin);
  }
  void reset(StreamId id, WireError code) {
    session->handle_stream_reset(executor.now(), id, static_cast<std::uint64_t>(code));
  }
  void stop(StreamId id, WireError code) {
    session->handle_stop_sending(executor.now(), id, static_cast<std::uint64_t>(code));
  }
  CallStream& start(const MethodInfo& method = rpc_method(), Duration timeout = {}) {
    auto call = session->start_call(method, {method.id, timeout, {}});
    EXPECT_TRUE(call.has_value()) << call.status();
    return **call;
  }
  std::vector<ReadFrame> sent(StreamId id) { return read_frames(transport.streams[id].written); }
  // The status that we answered a peer's call with.
  std::optional<StatusFrame> answered(StreamId id) {
    for (const ReadFrame& frame : sent(id)) {
      if (frame.type != static_cast<std::uint64_t>(FrameType::kStatus)) continue;
      auto status = core::parse_status(as_bytes(frame.payload));
      if (status) return *status;
    }
    return std::nullopt;
  }
  void expect_closed(WireError code, std::string_view reason) {
    ASSERT_EQ(transport.closes.size(), 1u);
    EXPECT_EQ(transport.closes[0].first, code);
    EXPECT_EQ(transport.closes[0].second, reason);
  }

  ManualExecutor executor;
  RecordingTransport transport;
  RecordingObserver observer;
  Limits limits;
  std::unique_ptr<Session> session;
};

}  // namespace echostream::testing
