// Two sessions joined by a model of QUIC's streams: whole calls, in every order of events.
#include "tests/support/session_pair.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using namespace testing;

// Reads a call to its end, as a handle of the API does, and counts how often it ended.
class Reader final : public CallObserver {
 public:
  explicit Reader(CallStream& call) : call_(&call) { call.set_observer(this); }
  void on_call_changed() override { ++changes; }

  // To be called between events: the engine must not be called back from inside.
  void poll() {
    if (call_ == nullptr) return;
    while (auto message = call_->take_message()) messages.emplace_back(message->message.text());
    if (end || !call_->end()) return;
    end = call_->end()->status;
    ++ends;
  }
  void release() {
    if (call_ != nullptr) std::exchange(call_, nullptr)->release();
  }
  CallStream* call() const noexcept { return call_; }

  std::vector<std::string> messages;
  std::optional<Status> end;
  int ends = 0;
  int changes = 0;

 private:
  CallStream* call_;
};

// One call of a kind between two sessions: the caller sends three messages, the responder mirrors
// them and ends with OK.
class Exchange {
 public:
  Exchange(const SessionPair::Options& options, const MethodInfo& method)
      : pair(options), method_(method) {
    pair.server->observer.on_call = [this](CallStream& call) {
      call.set_method(method_);
      responder = std::make_unique<Reader>(call);
    };
    auto call = pair.client->session->start_call(method_, {method_.id, 10s, {{"k", "v"}}});
    EXPECT_TRUE(call.has_value());
    caller = std::make_unique<Reader>(**call);
  }
  ~Exchange() {
    caller->release();
    if (responder) responder->release();
  }

  // What both ends' users do after each event.
  void act() {
    caller->poll();
    if (CallStream* call = caller->call(); call != nullptr && call->id().is_valid()) {
      while (sent_ < 3 && call->is_writable() && !call->send_ended()) {
        (void)send(*call, std::to_string(sent_++));
      }
      if (sent_ == 3) call->finish_sending();
    }
    if (caller->end) caller->release();
    if (!responder || responder->call() == nullptr) return;
    responder->poll();
    CallStream& call = *responder->call();
    while (mirrored_ < responder->messages.size() && !call.send_ended()) {
      (void)send(call, responder->messages[mirrored_++]);
    }
    if (call.receive_ended() && !call.has_message()) call.send_status({});
    if (call.send_ended()) responder->release();
  }
  // Runs to rest; time moves on when nothing else does.
  void finish(std::uint64_t seed = 0) {
    std::mt19937_64 random(seed);
    for (int idle = 0; idle < 5;) {
      act();
      if (pair.step(seed == 0 ? 0 : random())) continue;
      pair.executor.advance(200ms);
      ++idle;
    }
  }
  void expect_nothing_left() {
    EXPECT_FALSE(pair.client->session->has_calls());
    EXPECT_FALSE(pair.server->session->has_calls());
    EXPECT_EQ(pair.client->session->held_bytes(), 0u);
    EXPECT_EQ(pair.server->session->held_bytes(), 0u);
    EXPECT_EQ(pair.client->unconsumed_bytes(), 0u);
    EXPECT_EQ(pair.server->unconsumed_bytes(), 0u);
    EXPECT_EQ(pair.open_streams(), 2u) << "the control streams only";
    EXPECT_EQ(pair.executor.armed_timers(), 0u);
  }

  SessionPair pair;
  std::unique_ptr<Reader> caller;
  std::unique_ptr<Reader> responder;

 private:
  Status send(CallStream& call, const std::string& text) {
    if (method_.kind == MethodKind::kRpc) return call.send_message(Buffer::copy(text), false);
    return call.send_frame(pair.executor.now(), {}, Buffer::copy(text));
  }
  MethodInfo method_;
  int sent_ = 0;
  std::size_t mirrored_ = 0;
};

const std::vector<MethodInfo>& all_kinds() {
  static const std::vector<MethodInfo> kKinds = {rpc_method(), stream_method(Delivery::kReliable),
                                                 stream_method(Delivery::kExpiring, 100ms),
                                                 stream_method(Delivery::kDatagram)};
  return kKinds;
}

TEST(SessionPair, EveryKindOfCallArrivesWholeHoweverItsBytesAreCut) {
  for (const MethodInfo& method : all_kinds()) {
    for (const std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{3}}) {
      SessionPair::Options options;
      options.piece_bytes = piece;
      Exchange exchange(options, method);
      exchange.finish();
      EXPECT_EQ(exchange.caller->messages, (std::vector<std::string>{"0", "1", "2"}));
      EXPECT_EQ(exchange.caller->end, Status::ok());
      ASSERT_TRUE(exchange.responder);
      EXPECT_EQ(exchange.pair.server->observer.requests.at(0).metadata.find("k"), "v");
      exchange.expect_nothing_left();
    }
  }
}

TEST(SessionPair, EveryKindOfCallEndsOnceInEveryOrderOfDelivery) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const MethodInfo& method = all_kinds()[seed % 4];
    SessionPair::Options options;
    options.piece_bytes = seed % 3 == 0 ? 2 : SIZE_MAX;
    Exchange exchange(options, method);
    exchange.finish(seed);
    SCOPED_TRACE("seed " + std::to_string(seed));
    EXPECT_EQ(exchange.caller->ends, 1);
    EXPECT_EQ(exchange.caller->end, Status::ok());
    // Without a buffer at the receiver, datagrams that overtake others cost those.
    if (method.delivery != Delivery::kDatagram) {
      EXPECT_EQ(exchange.caller->messages, (std::vector<std::string>{"0", "1", "2"}));
    }
    exchange.expect_nothing_left();
  }
}

// S08: one end or the other gives up after the n-th event, for every n.
void cancel_at_every_event(const MethodInfo& method, const std::function<void(Exchange&)>& cancel) {
  for (int at = 0;; ++at) {
    SCOPED_TRACE("cancelled after event " + std::to_string(at));
    SessionPair::Options options;
    options.piece_bytes = 5;
    Exchange exchange(options, method);
    bool moved = true;
    for (int i = 0; i < at && moved; ++i) {
      exchange.act();
      moved = exchange.pair.step();
    }
    exchange.act();
    cancel(exchange);
    exchange.finish();
    exchange.caller->release();
    if (exchange.responder) exchange.responder->release();
    exchange.finish();
    EXPECT_LE(exchange.caller->ends, 1);
    EXPECT_LE(exchange.responder ? exchange.responder->ends : 0, 1);
    EXPECT_FALSE(exchange.pair.is_closed());
    exchange.expect_nothing_left();
    if (!moved) break;
    ASSERT_LT(at, 1000);
  }
}

TEST(SessionPair, TheCallerMayReleaseItsCallAtEveryEventS08) {
  for (const MethodInfo& method : all_kinds()) {
    cancel_at_every_event(method, [](Exchange& exchange) { exchange.caller->release(); });
  }
}

TEST(SessionPair, TheCallerMayCancelItsCallAtEveryEventAndHasOneStatusS08) {
  for (const MethodInfo& method : all_kinds()) {
    cancel_at_every_event(method, [](Exchange& exchange) {
      if (exchange.caller->call() == nullptr) return;
      exchange.caller->call()->cancel(WireError::kCancelled);
      exchange.caller->poll();
      EXPECT_EQ(exchange.caller->ends, 1);
      EXPECT_EQ(exchange.caller->end->code(), StatusCode::kCancelled);
    });
  }
}

TEST(SessionPair, TheResponderMayReleaseItsCallAtEveryEventAndTheCallerHasOneStatusS08) {
  for (const MethodInfo& method : all_kinds()) {
    cancel_at_every_event(method, [](Exchange& exchange) {
      if (!exchange.responder) return;
      const bool was_running = exchange.responder->call() != nullptr;
      exchange.responder->release();
      exchange.finish();
      EXPECT_EQ(exchange.caller->ends, 1);
      EXPECT_EQ(exchange.caller->end->code(),
                was_running ? StatusCode::kCancelled : StatusCode::kOk);
    });
  }
}

TEST(SessionPair, TheResponderMayAnswerAtEveryEventAndTheCallerHasThatStatusS08) {
  for (const MethodInfo& method : all_kinds()) {
    cancel_at_every_event(method, [](Exchange& exchange) {
      if (!exchange.responder || exchange.responder->call() == nullptr) return;
      exchange.responder->call()->send_status({Status(StatusCode::kAborted, "enough"), {}});
      exchange.finish();
      EXPECT_EQ(exchange.caller->ends, 1);
      EXPECT_EQ(exchange.caller->end->code(), StatusCode::kAborted);
    });
  }
}

TEST(SessionPair, BothMayCancelAtEveryEventS08) {
  for (const MethodInfo& method : all_kinds()) {
    cancel_at_every_event(method, [](Exchange& exchange) {
      if (exchange.caller->call() != nullptr) {
        exchange.caller->call()->cancel(WireError::kCancelled);
      }
      if (exchange.responder) exchange.responder->release();
    });
  }
}

TEST(SessionPair, TheSessionMayCloseAtEveryEventAndTheCallerHasOneStatusS08) {
  for (const MethodInfo& method : all_kinds()) {
    for (int at = 0; at < 60; ++at) {
      SCOPED_TRACE("closed after event " + std::to_string(at));
      Exchange exchange({}, method);
      for (int i = 0; i < at; ++i) {
        exchange.act();
        if (!exchange.pair.step()) break;
      }
      exchange.pair.server->close(WireError::kNone, "bye");
      exchange.finish();
      EXPECT_EQ(exchange.caller->ends, 1);
      if (!exchange.caller->end->is_ok()) {
        EXPECT_EQ(exchange.caller->end->code(), StatusCode::kUnavailable);
      }
      exchange.caller->release();
      if (exchange.responder) exchange.responder->release();
      EXPECT_FALSE(exchange.pair.client->session->has_calls());
      EXPECT_FALSE(exchange.pair.server->session->has_calls());
      EXPECT_EQ(exchange.pair.executor.armed_timers(), 0u);
    }
  }
}

TEST(SessionPair, ARequestOverTheLimitEndsTheCallWithThePeersReasonR01) {
  SessionPair::Options options;
  options.server_limits.max_message_bytes = 10;
  SessionPair pair(options);
  // Before the server's settings have arrived the client cannot know.
  auto call = pair.client->session->start_call(rpc_method(), {100, {}, {}});
  ASSERT_TRUE(call.has_value());
  EXPECT_TRUE((*call)->send_message(Buffer::copy(std::string(11, 'x')), true).is_ok());
  pair.settle();
  ASSERT_TRUE((*call)->end());
  EXPECT_EQ((*call)->end()->status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE((*call)->end()->status.message().find("over the limit of 10"), std::string::npos);
  EXPECT_EQ((*call)->send_message(Buffer::copy(std::string(11, 'x')), true).code(),
            StatusCode::kResourceExhausted);
  for (CallStream* served : pair.server->observer.calls) served->release();
  (*call)->release();
}

TEST(SessionPair, AMessageOverTheLimitWhileStreamingEndsTheCallAndNotTheSessionR01) {
  SessionPair::Options options;
  options.client_limits.max_message_bytes = 100;
  options.server_limits.max_message_bytes = 1000;
  SessionPair pair(options);
  auto call = pair.client->session->start_call(stream_method(Delivery::kReliable), {});
  ASSERT_TRUE(call.has_value());
  pair.settle();
  CallStream& server = *pair.server->observer.calls.at(0);
  server.set_method(stream_method(Delivery::kReliable));
  for (const std::size_t size : {100, 101}) {
    const Status sent =
        server.send_frame(pair.executor.now(), {}, Buffer::copy(std::string(size, 'x')));
    EXPECT_EQ(sent.code(), size == 100 ? StatusCode::kOk : StatusCode::kResourceExhausted);
  }
  pair.settle();
  EXPECT_EQ((*call)->take_message()->message.size(), 100u);
  server.send_status({});
  server.release();
  pair.settle();
  EXPECT_TRUE((*call)->end()->status.is_ok());
  (*call)->release();
}

TEST(SessionPair, APeerThatNeverReadsHoldsUpItsOwnCallOnly) {
  SessionPair::Options options;
  options.stream_window = 4096;
  options.client_limits.max_inbox_bytes = 2000;
  options.server_limits.send_high_water_bytes = 20'000;
  options.server_limits.send_low_water_bytes = 10'000;
  SessionPair pair(options);
  const MethodInfo method = stream_method(Delivery::kReliable);
  auto stuck = pair.client->session->start_call(method, {});
  auto other = pair.client->session->start_call(method, {});
  ASSERT_TRUE(stuck.has_value() && other.has_value());
  pair.settle();
  for (CallStream* call : pair.server->observer.calls) {
    call->set_method(method);
    for (int i = 0; i < 1000 && call->is_writable(); ++i) {
      EXPECT_TRUE(
          call->send_frame(pair.executor.now(), {}, Buffer::copy(std::string(100, 'x'))).is_ok());
    }
    EXPECT_FALSE(call->is_writable()) << "its writer waits";
  }
  pair.settle();
  std::size_t read = 0;
  while ((*other)->take_message()) {
    ++read;
    pair.settle();
  }
  EXPECT_GT(read * 100, options.server_limits.send_low_water_bytes);
  EXPECT_TRUE(pair.server->observer.calls[1]->is_writable());
  EXPECT_GT(pair.server->unsent_bytes((*stuck)->id()), options.server_limits.send_low_water_bytes);
  EXPECT_LE(pair.client->session->held_bytes(), 2100u);
  (*stuck)->release();
  (*other)->release();
  pair.settle();
  for (CallStream* call : pair.server->observer.calls) call->release();
  pair.settle();
  EXPECT_EQ(pair.open_streams(), 2u);
  EXPECT_EQ(pair.client->unconsumed_bytes(), 0u);
}

TEST(SessionPair, FramesThatArriveAfterTheirCallsStreamClosedAreStillDelivered) {
  for (const Delivery delivery : {Delivery::kExpiring, Delivery::kDatagram}) {
    SessionPair pair;
    const MethodInfo method = stream_method(delivery, 100ms);
    auto call = pair.client->session->start_call(method, {});
    ASSERT_TRUE(call.has_value());
    (*call)->finish_sending();
    pair.settle();
    CallStream& served = *pair.server->observer.calls.at(0);
    served.set_method(method);
    EXPECT_TRUE(served.send_frame(pair.executor.now(), {}, Buffer::copy("late")).is_ok());
    const std::deque<SessionPair::End::Event> late = std::exchange(pair.server->queue, {});
    served.send_status({});
    served.release();
    pair.settle();
    EXPECT_FALSE(pair.server->session->has_calls());
    EXPECT_FALSE((*call)->end());
    pair.server->queue = late;
    pair.settle();
    EXPECT_EQ((*call)->take_message()->message.text(), "late");
    EXPECT_TRUE((*call)->end()->status.is_ok());
    EXPECT_EQ((*call)->lost_at_end(), 0u);
    (*call)->release();
    EXPECT_FALSE(pair.client->session->has_calls());
    EXPECT_EQ(pair.open_streams(), 2u);
  }
}

TEST(SessionPair, MoreCallsThanStreamsAllEnd) {
  SessionPair::Options options;
  options.streams = 4;
  SessionPair pair(options);
  pair.server->observer.on_call = [](CallStream& call) {
    call.send_status({Status(StatusCode::kAborted, "no"), {}});
    call.release();
  };
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 1000; ++i) {
    auto call = pair.client->session->start_call(rpc_method(), {});
    ASSERT_TRUE(call.has_value());
    EXPECT_TRUE((*call)->send_message({}, true).is_ok());
    readers.push_back(std::make_unique<Reader>(**call));
  }
  pair.settle();
  for (auto& reader : readers) {
    reader->poll();
    EXPECT_EQ(reader->end, Status(StatusCode::kAborted, "no"));
    reader->release();
  }
  EXPECT_FALSE(pair.client->session->has_calls());
  EXPECT_EQ(pair.open_streams(), 2u);
}

TEST(SessionPair, ExpiringFramesShareTheStreamsInTurnAndAllArrive) {
  SessionPair::Options options;
  options.streams = 3;  // one of them for control
  SessionPair pair(options);
  const MethodInfo method = stream_method(Delivery::kExpiring, 10s);
  auto call = pair.client->session->start_call(method, {});
  ASSERT_TRUE(call.has_value());
  pair.server->observer.on_call = [&](CallStream& served) { served.set_method(method); };
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE((*call)->send_frame(pair.executor.now(), {}, Buffer::copy("x")).is_ok());
  }
  (*call)->finish_sending();
  pair.settle();
  CallStream& served = *pair.server->observer.calls.at(0);
  for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(served.take_message()->header.sequence, i);
  EXPECT_TRUE(served.receive_ended());
  EXPECT_EQ(served.lost_at_end(), 0u);
  served.send_status({});
  served.release();
  pair.settle();
  (*call)->release();
  EXPECT_EQ(pair.open_streams(), 2u);
}

TEST(SessionPair, FramesStillExpireAfterTheirCallIsOver) {
  SessionPair pair;
  const MethodInfo method = stream_method(Delivery::kExpiring, 100ms);
  auto call = pair.client->session->start_call(method, {});
  ASSERT_TRUE(call.has_value());
  pair.settle();
  CallStream& served = *pair.server->observer.calls.at(0);
  served.set_method(method);
  EXPECT_TRUE(served.send_frame(pair.executor.now(), {}, Buffer::copy("x")).is_ok());
  // The frame is held up in the network; the rest of the call is not.
  SessionPair::End::Event frame = pair.server->queue.front();
  pair.server->queue.clear();
  served.send_status({});
  served.release();
  pair.settle();
  (*call)->finish_sending();
  pair.settle();
  EXPECT_EQ(pair.open_streams(), 3u) << "the frame's stream and the control streams";
  EXPECT_EQ(pair.executor.armed_timers(), 2u) << "its expiry, and the reader's wait for it";
  pair.executor.advance(100ms);
  pair.settle();
  EXPECT_EQ(pair.open_streams(), 2u);
  EXPECT_EQ((*call)->lost_at_end(), 1u);
  EXPECT_TRUE((*call)->end()->status.is_ok());
  (*call)->release();
}

TEST(SessionPair, ARandomPairOfSessionsNeverLeaksNorEndsACallTwice) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    SessionPair::Options options;
    options.streams = 5;
    options.piece_bytes = 1 + random() % 20;
    options.stream_window = 64;
    options.client_limits.max_inbox_messages = 2;
    options.server_limits.max_inbox_messages = 2;
    SessionPair pair(options);
    std::vector<std::unique_ptr<Reader>> readers;
    for (SessionPair::End* end : {pair.client.get(), pair.server.get()}) {
      end->observer.on_call = [&](CallStream& call) {
        call.set_method(all_kinds()[static_cast<std::size_t>(call.id().value / 4) % 4]);
        readers.push_back(std::make_unique<Reader>(call));
      };
    }
    for (int step = 0; step < 3000; ++step) {
      pair.step(random());
      SessionPair::End& end = random() % 2 == 0 ? *pair.client : *pair.server;
      Reader* reader = readers.empty() ? nullptr : readers[random() % readers.size()].get();
      CallStream* call = reader != nullptr ? reader->call() : nullptr;
      switch (random() % 12) {
        case 0:
          if (auto started = end.session->start_call(all_kinds()[random() % 4], {})) {
            readers.push_back(std::make_unique<Reader>(**started));
          }
          break;
        case 1:
          (void)end.session->emit(event_method(random() % 8), {}, Buffer::copy("event"));
          break;
        case 2:
        case 3:
          if (call != nullptr) (void)call->send_frame(pair.executor.now(), {}, Buffer::copy("f"));
          break;
        case 4:
          if (call != nullptr) (void)call->send_message(Buffer::copy("message"), false);
          break;
        case 5:
          if (call == nullptr) break;
          if (call->role() == CallStream::Role::kCaller)
            call->finish_sending();
          else
            call->send_status({});
          break;
        case 6:
          if (call != nullptr && random() % 4 == 0) call->cancel(WireError::kCancelled);
          break;
        case 7:
          if (reader != nullptr && random() % 4 == 0) reader->release();
          break;
        case 8:
          pair.executor.advance(std::chrono::milliseconds(random() % 30));
          break;
        case 9:
          end.observer.takes_events = random() % 2 == 0;
          if (end.observer.takes_events) end.session->resume_events();
          break;
        default:
          if (reader != nullptr) reader->poll();
      }
      ASSERT_FALSE(pair.is_closed());
    }
    for (auto& reader : readers) reader->release();
    for (SessionPair::End* end : {pair.client.get(), pair.server.get()}) {
      end->observer.on_call = [](CallStream& call) { call.release(); };
      end->observer.takes_events = true;
      end->session->resume_events();
    }
    for (int i = 0; i < 3; ++i) {
      pair.settle();
      pair.executor.advance(1s);
    }
    EXPECT_FALSE(pair.client->session->has_calls());
    EXPECT_FALSE(pair.server->session->has_calls());
    EXPECT_EQ(pair.client->unconsumed_bytes(), 0u);
    EXPECT_EQ(pair.server->unconsumed_bytes(), 0u);
    EXPECT_EQ(pair.executor.armed_timers(), 0u);
    for (const auto& reader : readers) EXPECT_LE(reader->ends, 1);
  }
}

}  // namespace
}  // namespace echostream::core
