// A peer that does anything QUIC lets it do: the session never crashes, never holds more than its
// limits, gives no flow-control credit back twice, ends each call once, and keeps nothing once it
// is over. The input is a script (see Script::run), so that a text editor can write seeds.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "runtime/core/session/session.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/support/manual_executor.h"

using namespace echostream;
using namespace echostream::core;

namespace {

Limits small_limits() {
  Limits limits;
  limits.max_message_bytes = 200;
  limits.max_metadata_bytes = 200;
  limits.max_inbox_messages = 4;
  limits.max_inbox_bytes = 300;
  limits.max_waiting_calls = 4;
  limits.max_expiring_in_flight = 4;
  limits.max_orphan_streams = 4;
  limits.max_held_frames = 4;
  limits.max_held_bytes = 500;
  limits.max_session_bytes = 1500;
  limits.max_cancelled_calls_per_second = 20;
  limits.send_high_water_bytes = 500;
  limits.send_low_water_bytes = 100;
  return limits;
}

// The model of QUIC below the session, and the user above it.
class World final : public TransportPort, public SessionObserver {
 public:
  World() {
    session = std::make_unique<Session>(executor, *this, *this, limits, 4);
    session->start_clock();
  }
  ~World() override { finish(); }

  struct Stream {
    std::size_t received = 0;
    std::size_t consumed = 0;
    bool peer_ended = false;
    bool we_ended = false;
    bool closed = false;
  };
  struct Call final : CallObserver {
    void on_call_changed() override {}
    CallStream* stream = nullptr;
    bool ended = false;
  };

  // ---- TransportPort
  Result<StreamId> open_bidirectional() override { return open(0); }
  Result<StreamId> open_unidirectional() override { return open(2); }
  void write(StreamId id, Buffer bytes, bool fin) override {
    Stream& stream = known(id);
    if (stream.we_ended) return;
    written += bytes.size();
    if (fin) stream.we_ended = true;
  }
  void set_priority(StreamId id, Priority) override { known(id); }
  std::size_t unsent_bytes(StreamId) const override { return unsent; }
  void notify_when_drained(StreamId id, std::size_t) override { known(id); }
  void reset(StreamId id, WireError) override { known(id).we_ended = true; }
  void stop_sending(StreamId id, WireError) override { known(id); }
  void consume(StreamId id, std::size_t bytes) override {
    Stream& stream = known(id);
    stream.consumed += bytes;
    FUZZ_CHECK(stream.consumed <= stream.received);
  }
  std::size_t max_datagram_bytes() const override { return datagram_bytes; }
  void send_datagram(Buffer header, Buffer payload, Priority, LocalTime) override {
    FUZZ_CHECK(header.size() + payload.size() <= datagram_bytes);
  }
  void send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime) override {
    FUZZ_CHECK(datagram.size() <= datagram_bytes);
    FUZZ_CHECK(tag != 0);
    stamped.push_back(tag);
  }
  void close(WireError code, std::string reason) override {
    FUZZ_CHECK(code == WireError::kProtocol || code == WireError::kLimit);
    FUZZ_CHECK(!reason.empty());
    FUZZ_CHECK(!closing);
    closing = true;
  }

  // ---- SessionObserver
  void on_incoming_call(CallStream& call, RequestFrame request) override {
    MethodInfo method;
    method.delivery = static_cast<Delivery>(request.method_id % 3);
    method.max_age = std::chrono::milliseconds(50);
    call.set_method(method);
    if (request.method_id % 5 == 4) {
      call.send_status({Status(StatusCode::kUnimplemented, "no"), request.metadata});
      call.release();
      return;
    }
    keep(call);
  }
  bool may_run_early(const RequestFrame& request) override { return request.method_id % 2 == 0; }
  bool wants_event() override { return takes_events; }
  void on_incoming_event(EventHeader, Buffer message) override {
    FUZZ_CHECK(message.size() <= limits.max_message_bytes);
  }
  void on_events_writable() override {}
  void on_clock_updated() override {}
  void on_clock_report(const echostream::timing::NodeClockReport&) override {}
  void on_peer_draining() override { ++goaways; }

  // ---- What a script does
  void keep(CallStream& call) {
    calls.push_back(std::make_unique<Call>());
    calls.back()->stream = &call;
    call.set_observer(calls.back().get());
  }
  void start(std::uint8_t kind) {
    MethodInfo method;
    method.id = kind;
    method.idempotent = kind % 2 == 0;
    method.delivery = static_cast<Delivery>(kind % 3);
    method.max_age = std::chrono::milliseconds(kind % 50);
    auto call = session->start_call(method, {kind, std::chrono::milliseconds(kind % 7), {}});
    if (call) keep(**call);
  }
  void connect(bool takes_early_data) {
    if (std::exchange(connected, true) || closed) return;
    // Only a client is told so, and a client hears of no stream before.
    if (!takes_early_data && !heard_early) {
      // As if they had never been opened.
      std::erase_if(streams, [](const auto& entry) { return entry.first % 2 == 0; });
      opened_ = 0;
      session->handle_early_data_rejected();
    }
    session->handle_connected();
  }
  void use(std::uint8_t choice, std::uint8_t action) {
    if (calls.empty()) return;
    Call& call = *calls[choice % calls.size()];
    if (call.stream == nullptr) return;
    const bool is_caller = call.stream->role() == CallStream::Role::kCaller;
    switch (action % 8) {
      case 0:
        (void)call.stream->send_message(Buffer::copy("message"), is_caller && action > 128);
        break;
      case 1:
        (void)call.stream->send_frame(executor.now(), {}, Buffer::copy("frame"));
        break;
      case 2:
        is_caller ? call.stream->finish_sending() : call.stream->send_status({});
        break;
      case 3:
        if (!is_caller) call.stream->send_response({{"key", std::string(action, 'v')}});
        break;
      case 4:
        call.stream->cancel(WireError::kCancelled);
        break;
      case 5:
        std::exchange(call.stream, nullptr)->release();
        break;
      default:
        read(call);
    }
  }
  void read(Call& call) {
    while (auto message = call.stream->take_message()) {
      FUZZ_CHECK(!call.ended);
      FUZZ_CHECK(message->message.size() <= limits.max_message_bytes);
    }
    if (call.stream->end()) call.ended = true;
    FUZZ_CHECK(!call.ended || call.stream->end());
  }
  void receive(StreamId id, BytesView data, bool fin) {
    heard_early |= !connected;
    Stream& stream = known(id);
    if (stream.peer_ended || stream.closed) return;
    stream.received += data.size();
    stream.peer_ended = fin;
    session->handle_stream_data(executor.now(), id, data, fin);
    settle(id);
  }
  void reset_by_peer(StreamId id, std::uint64_t code) {
    heard_early |= !connected;
    Stream& stream = known(id);
    if (stream.peer_ended || stream.closed) return;
    stream.peer_ended = true;
    session->handle_stream_reset(executor.now(), id, code);
    settle(id);
  }
  void stop_by_peer(StreamId id, std::uint64_t code) {
    heard_early |= !connected;
    Stream& stream = known(id);
    if (stream.we_ended || stream.closed) return;
    stream.we_ended = true;  // the connection answers with a reset
    session->handle_stop_sending(executor.now(), id, code);
    settle(id);
  }
  void settle(StreamId id) {
    Stream& stream = known(id);
    const bool ours = id.value % 2 == 0;
    const bool peer_done = stream.peer_ended || (!id.is_bidirectional() && ours);
    const bool we_done = stream.we_ended || (!id.is_bidirectional() && !ours);
    if (stream.closed || !peer_done || !we_done) return;
    stream.closed = true;
    session->handle_stream_closed(id);
  }
  // Between two steps: what was written reached the peer, and limits hold.
  void rest() {
    for (auto& [value, stream] : streams) settle(StreamId{value});
    // One message over the budget is refused after it was looked at.
    FUZZ_CHECK(session->held_bytes() <= limits.max_session_bytes + 400);
    FUZZ_CHECK(goaways <= 1);
    if (!closing || closed) return;
    closed = true;
    session->handle_closed(Status(StatusCode::kInternal, "the peer broke the protocol"));
  }
  void finish() {
    takes_events = true;
    session->resume_events();
    rest();
    executor.advance(std::chrono::seconds(10));
    for (auto& call : calls) {
      if (call->stream != nullptr) read(*call);
      if (call->stream != nullptr) std::exchange(call->stream, nullptr)->release();
    }
    rest();
    if (!closing) {
      for (const auto& [value, stream] : streams) {
        // Of an open call or stream of events the parser holds nothing back any more.
        FUZZ_CHECK(stream.consumed == stream.received);
      }
    }
    session->handle_closed(Status(StatusCode::kUnavailable, "over"));
    FUZZ_CHECK(!session->has_calls());
    session.reset();
    FUZZ_CHECK(executor.armed_timers() == 0);
  }

  Stream& known(StreamId id) {
    FUZZ_CHECK(id.is_valid());
    return streams[id.value];
  }

  testing::ManualExecutor executor;
  const Limits limits = small_limits();
  std::map<std::int64_t, Stream> streams;
  std::vector<std::uint64_t> stamped;  // tags of probes that are under way
  std::unique_ptr<Session> session;
  std::vector<std::unique_ptr<Call>> calls;
  std::size_t credit = 3;
  std::size_t unsent = 0;
  std::size_t datagram_bytes = 100;
  std::size_t written = 0;
  bool takes_events = true;
  bool connected = false;
  bool heard_early = false;  // of streams, before the handshake is complete: we are the server
  bool closing = false;
  bool closed = false;
  int goaways = 0;

 private:
  Result<StreamId> open(std::int64_t kind) {
    if (credit == 0) return Status(StatusCode::kResourceExhausted, "no more streams");
    --credit;
    const StreamId id{kind + 4 * opened_++};
    streams[id.value];
    return id;
  }
  std::int64_t opened_ = 0;
};

// Commands of one byte, each with the arguments that it reads behind it:
//   d <stream> <length> <bytes>   stream data          f <stream> <length> <bytes>   and its end
//   r <stream> <code>             RESET_STREAM         s <stream> <code>             STOP_SENDING
//   g <length> <bytes>            datagram             c <streams>                   stream credit
//   n <kind>                      we start a call      u <call> <action>             use a call
//   e <priority>                  we send an event     w <value>                     events wanted
//   t <milliseconds>              time passes          q <bytes>                     unsent bytes
//   x                             we drain
// A script that begins with 'h' is one before the handshake is complete, up to
//   h                             it is, early data was taken
//   j                             the same, but it was not
// Streams are named by one character: '0' is our stream 0, '1' the peer's stream 1, ... as in QUIC.
class Script {
 public:
  explicit Script(BytesView bytes) : rest_(bytes) {}

  void run(World& world) {
    if (!rest_.empty() && rest_[0] == 'h') {
      (void)byte();
      world.session->handle_early_data_allowed();
    } else {
      world.connect(true);
    }
    world.rest();
    while (!rest_.empty() && !world.closed) {
      step(world);
      world.rest();
    }
    world.connect(true);
  }

 private:
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_[0];
    rest_ = rest_.subspan(1);
    return value;
  }
  BytesView bytes() {
    const std::size_t wanted = byte();
    const std::size_t count = std::min(wanted, rest_.size());
    const BytesView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  // One that the peer can send on: its own, or a bidirectional one of ours that exists.
  StreamId readable(World& world) {
    const StreamId id{static_cast<std::int64_t>(byte() & 0x3f) ^ 0x30};
    // Nothing is heard of our early streams before the handshake is complete.
    if (!world.connected) return StreamId{id.value | 1};
    if (id.value % 2 != 0 || world.streams.count(id.value) == 0) return StreamId{id.value | 1};
    return id.is_bidirectional() ? id : StreamId{id.value | 1};
  }
  // One that we can send on.
  StreamId writable(World& world) {
    const StreamId id{static_cast<std::int64_t>(byte() & 0x3f) ^ 0x30};
    if (world.connected && id.value % 2 == 0 && world.streams.count(id.value) > 0) return id;
    return StreamId{(id.value | 1) & ~std::int64_t{2}};
  }

  void step(World& world) {
    const std::uint8_t command = byte();
    switch (command) {
      case 'd':
      case 'f': {
        const StreamId id = readable(world);
        world.receive(id, bytes(), command == 'f');
        return;
      }
      case 'r': {
        const StreamId id = readable(world);
        world.reset_by_peer(id, 0x100 + byte() % 10);
        return;
      }
      case 's': {
        const StreamId id = writable(world);
        world.stop_by_peer(id, 0x100 + byte() % 10);
        return;
      }
      case 'o':
        if (world.stamped.empty()) return;
        world.session->handle_datagram_sent(world.executor.now(), world.stamped.back());
        world.stamped.pop_back();
        return;
      case 'm':
        world.session->handle_path_change(world.executor.now());
        return;
      case 'g':
        world.session->handle_datagram(world.executor.now(), bytes());
        return;
      case 'c':
        world.credit += byte() % 8;
        world.session->handle_streams_available(world.executor.now());
        return;
      case 'n':
        world.start(byte());
        return;
      case 'u': {
        const std::uint8_t call = byte();
        world.use(call, byte());
        return;
      }
      case 'e': {
        MethodInfo method;
        method.priority = byte() % 8;
        (void)world.session->emit(method, {}, Buffer::copy("event"));
        return;
      }
      case 'w':
        world.takes_events = byte() % 2 != 0;
        if (world.takes_events) world.session->resume_events();
        return;
      case 't':
        world.executor.advance(std::chrono::milliseconds(byte()));
        return;
      case 'q':
        world.unsent = byte() * 10;
        world.session->handle_stream_drained(world.executor.now(), StreamId{0});
        return;
      case 'h':
      case 'j':
        world.connect(command == 'h');
        return;
      case 'x':
        world.session->drain();
        return;
      default:
        return;
    }
  }

  BytesView rest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  Script(BytesView(data, size)).run(world);
  return 0;
}
