// Fakes around one core::Session: a transport that records what it is told, observers that remember
// what they saw, and the bytes of a hostile or foreign peer.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/frame/frames.h"
#include "runtime/core/session/session.h"
#include "tests/support/manual_executor.h"

namespace echostream::testing {

/// Keeps everything; gives streams out as long as there is credit. We are the client.
class RecordingTransport final : public core::TransportPort {
 public:
  struct Stream {
    std::vector<std::uint8_t> written;
    bool fin = false;
    std::vector<core::WireError> resets;
    std::vector<core::WireError> stops;
    std::size_t consumed = 0;
    core::Priority priority = 3;
    std::optional<std::size_t> low_water;
  };
  struct Datagram {
    std::vector<std::uint8_t> bytes;
    core::Priority priority;
    LocalTime expires_at;
    std::uint64_t tag = 0;
  };

  Result<StreamId> open_bidirectional() override { return open(bidirectional_credit, 0); }
  Result<StreamId> open_unidirectional() override { return open(unidirectional_credit, 2); }
  void write(StreamId id, Buffer bytes, bool fin) override {
    Stream& stream = streams[id];
    stream.written.insert(stream.written.end(), bytes.view().begin(), bytes.view().end());
    stream.fin = stream.fin || fin;
  }
  void set_priority(StreamId id, core::Priority priority) override {
    streams[id].priority = priority;
  }
  std::size_t unsent_bytes(StreamId id) const override {
    const auto found = unsent.find(id);
    return found == unsent.end() ? 0 : found->second;
  }
  void notify_when_drained(StreamId id, std::size_t low) override { streams[id].low_water = low; }
  void reset(StreamId id, core::WireError code) override { streams[id].resets.push_back(code); }
  void stop_sending(StreamId id, core::WireError code) override {
    streams[id].stops.push_back(code);
  }
  void consume(StreamId id, std::size_t bytes) override { streams[id].consumed += bytes; }
  std::size_t max_datagram_bytes() const override { return datagram_bytes; }
  void send_datagram(Buffer header, Buffer payload, core::Priority priority,
                     LocalTime expires_at) override {
    std::vector<std::uint8_t> bytes(header.view().begin(), header.view().end());
    bytes.insert(bytes.end(), payload.view().begin(), payload.view().end());
    datagrams.push_back({std::move(bytes), priority, expires_at, 0});
  }
  void send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime expires_at) override {
    datagrams.push_back({{datagram.view().begin(), datagram.view().end()}, 0, expires_at, tag});
  }
  void close(core::WireError code, std::string reason) override {
    closes.emplace_back(code, std::move(reason));
  }

  std::map<StreamId, Stream> streams;
  std::map<StreamId, std::size_t> unsent;
  std::vector<Datagram> datagrams;
  std::vector<std::pair<core::WireError, std::string>> closes;
  std::size_t bidirectional_credit = 1000;
  std::size_t unidirectional_credit = 1000;
  std::size_t datagram_bytes = 1200;

 private:
  Result<StreamId> open(std::size_t& credit, std::int64_t kind) {
    if (credit == 0) return Status(StatusCode::kResourceExhausted, "no more streams");
    --credit;
    const StreamId id{next_[kind]};
    next_[kind] += 4;
    streams[id];
    return id;
  }
  std::map<std::int64_t, std::int64_t> next_{{0, 0}, {2, 2}};
};

/// Counts the changes of a call.
class CallWatch final : public core::CallObserver {
 public:
  void on_call_changed() override { ++changes; }
  int changes = 0;
};

/// Remembers what came in; `on_call` decides what happens to a call (nothing: it is kept open).
class RecordingObserver final : public core::SessionObserver {
 public:
  void on_incoming_call(core::CallStream& call, core::RequestFrame request) override {
    calls.push_back(&call);
    requests.push_back(std::move(request));
    if (on_call) on_call(call);
  }
  bool may_run_early(const core::RequestFrame& request) override {
    return request.method_id == early_method;
  }
  bool wants_event() override { return takes_events; }
  void on_incoming_event(core::EventHeader header, Buffer message) override {
    events.emplace_back(std::move(header), std::string(message.text()));
    if (on_event) on_event();
  }
  void on_events_writable() override { ++writable; }
  void on_clock_report(const timing::NodeClockReport& report) override {
    clock_reports.push_back(report);
  }
  void on_clock_updated() override { ++clock_updates; }
  void on_peer_draining() override { ++draining; }

  std::function<void(core::CallStream&)> on_call;
  std::function<void()> on_event;
  std::vector<core::CallStream*> calls;
  std::vector<core::RequestFrame> requests;
  std::vector<std::pair<core::EventHeader, std::string>> events;
  bool takes_events = true;
  std::uint64_t early_method = 0;
  int writable = 0;
  int clock_updates = 0;
  std::vector<timing::NodeClockReport> clock_reports;
  int draining = 0;
};

/// Frames as a peer would write them.
inline std::string frame_bytes(std::uint64_t type, std::string_view payload) {
  core::ByteWriter out;
  out.write_varint(type);
  out.write_text(payload);
  return std::string(as_text(out.bytes()));
}
inline std::string frame_bytes(core::FrameType type, std::string_view payload) {
  return frame_bytes(static_cast<std::uint64_t>(type), payload);
}
inline std::string varint_bytes(std::initializer_list<std::uint64_t> values) {
  core::ByteWriter out;
  for (const std::uint64_t value : values) out.write_varint(value);
  return std::string(as_text(out.bytes()));
}
inline std::string request_bytes(std::uint64_t method, Duration timeout = {},
                                 const Metadata& metadata = {}) {
  core::ByteWriter out;
  core::write_request(out, {method, timeout, metadata});
  return frame_bytes(core::FrameType::kRequest, as_text(out.bytes()));
}
inline std::string message_bytes(std::string_view message) {
  return frame_bytes(core::FrameType::kMessage, message);
}
inline std::string status_bytes(const Status& status, const Metadata& metadata = {}) {
  core::ByteWriter out;
  core::write_status(out, {status, metadata});
  return frame_bytes(core::FrameType::kStatus, as_text(out.bytes()));
}
inline std::string settings_bytes(const core::SettingsFrame& settings) {
  core::ByteWriter out;
  core::write_settings(out, settings, 7);
  return frame_bytes(core::FrameType::kSettings, as_text(out.bytes()));
}
inline std::string event_bytes(std::uint64_t method, std::string_view message,
                               const Metadata& metadata = {}, LocalTime emitted_at = {}) {
  core::ByteWriter out;
  core::write_event_header(out, {method, RemoteTime(emitted_at.time_since_epoch()), {}, metadata});
  return frame_bytes(core::FrameType::kEvent,
                     std::string(as_text(out.bytes())) + std::string(message));
}

/// What a stream carried, frame by frame.
struct ReadFrame {
  std::uint64_t type;
  std::string payload;
};
inline std::vector<ReadFrame> read_frames(BytesView bytes) {
  class Sink final : public core::FrameSink {
   public:
    std::optional<std::uint64_t> payload_limit(std::uint64_t) override { return UINT64_MAX; }
    Status on_frame(std::uint64_t type, Buffer payload) override {
      frames.push_back({type, std::string(payload.text())});
      return Status::ok();
    }
    std::vector<ReadFrame> frames;
  };
  Sink sink;
  core::FrameParser parser;
  std::size_t taken = 0;
  (void)parser.feed(bytes, sink, taken);
  return sink.frames;
}

/// Methods of all kinds, with numbers of their own.
inline MethodInfo rpc_method(std::uint64_t id = 100) {
  MethodInfo method;
  method.id = id;
  return method;
}
inline MethodInfo stream_method(Delivery delivery, Duration max_age = {}) {
  MethodInfo method;
  method.id = 200 + static_cast<std::uint64_t>(delivery);
  method.kind = MethodKind::kStream;
  method.server_streaming = true;
  method.client_streaming = true;
  method.delivery = delivery;
  method.max_age = max_age;
  return method;
}
inline MethodInfo event_method(std::uint8_t priority = 3) {
  MethodInfo method;
  method.id = 300;
  method.kind = MethodKind::kEvent;
  method.priority = priority;
  return method;
}

}  // namespace echostream::testing
