// Middleware: code around every call, event and stream of a node, on both sides, in layers like an
// onion's. docs/middleware.md shows how to write one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/clock.h"
#include "echostream/jitter_buffer.h"
#include "echostream/metadata.h"
#include "echostream/method.h"
#include "echostream/session.h"
#include "echostream/typed_state.h"

namespace google::protobuf {
class MessageLite;
}

namespace echostream {

namespace internal {
class CallChain;
}

/// One message of a call on its way between the program and the wire, encoded.
struct CallMessage {
  /// As this node sees it: a server receives requests, a caller sends them.
  enum class Direction : std::uint8_t { kSent, kReceived };
  Direction direction = Direction::kSent;
  /// May be replaced. Size limits hold for what comes out of the last filter.
  Buffer bytes;
  /// A stream's frame or a published event; the rest means something for these alone. Otherwise
  /// the request or reply of an rpc, or a one-way event.
  bool is_frame = false;
  std::uint64_t sequence = 0;
  /// On the clock of whoever sends it.
  RemoteTime capture_time{};
  /// When it reached this node, or was handed to write().
  LocalTime time{};
  /// Received frames only; as in Frame.
  std::uint64_t lost_before = 0;
  LocalTime playout_time{};
  Duration duration{};
  std::optional<Latency> latency;
};

/// Sees every message of one call.
class MessageFilter {
 public:
  /// The InterceptedCall may be gone.
  virtual ~MessageFilter() = default;
  /// On the loop, for each message as the program writes or reads it, just before it goes out and
  /// just before it is decoded. Must not wait. An error ends the call with it, on both sides.
  virtual Status on_message(CallMessage& message) = 0;
};

/// Where a filter sits between the program and the wire.
enum class FilterPlace : std::uint8_t {
  kMessages,  // sees messages of the method's types
  kWire,      // sees and makes what goes over the wire: compression, encryption
};

/// A call (rpc, event, subscription, stream) as middleware sees it, on the calling or the serving
/// side. Lives until the outermost layer has returned. One thread: the loop's.
class InterceptedCall {
 public:
  enum class Side : std::uint8_t { kCaller, kServer };

  explicit InterceptedCall(internal::CallChain& chain) noexcept : chain_(chain) {}
  InterceptedCall(const InterceptedCall&) = delete;
  InterceptedCall& operator=(const InterceptedCall&) = delete;

  Side side() const noexcept;
  /// Lives as long as the program: its address and views may be kept as keys.
  const MethodInfo& method() const noexcept;
  Executor& executor() const noexcept;
  /// The caller's side of a persistent session has none while it is not connected.
  std::optional<Session> session() const;
  /// Session::state() of that session, at less cost; null without one.
  TypedState* session_state() const noexcept;
  /// The session that the call would go over if next() ran now: waits for it where a persistent
  /// session has none, and fails as the call would (deadline, fail_fast).
  Task<Result<Session>> wait_session();
  /// The serving call that this one is made for, when that passes through middleware too. Null once
  /// that call is cancelled or has ended, which a stream may outlive.
  InterceptedCall* parent() const noexcept;
  /// Values that live as long as this call; handlers see them as Call::state().
  TypedState& state() noexcept;

  /// Of the request. Caller: what is about to be sent, and may be changed before next(). Server:
  /// what came; the handler sees the changes.
  Metadata& metadata() noexcept;
  /// Caller: when the call was made. Server: when the request reached this node. Costs nothing,
  /// while executor().now() reads a clock.
  LocalTime started_at() const noexcept;
  /// kNever when there is none.
  LocalTime deadline() const noexcept;
  /// Before next(). Caller: never later than that of the call this one works for. Server: only
  /// earlier.
  void set_deadline(LocalTime deadline) noexcept;
  /// As of Call.
  bool is_early_data() const noexcept;
  std::optional<Latency> latency() const;

  /// The message of an rpc's request, a one-way event, or of the request that opens a server stream
  /// or a subscription; before the filters. None where there is none, and on the serving side
  /// before the request was read, which next() does.
  const std::optional<Buffer>& request() const noexcept;
  /// Caller, before next().
  void set_request(Buffer request);
  /// An rpc's or client stream's reply, after next() or set_reply().
  const std::optional<Buffer>& reply() const noexcept;
  /// Without next(): answers in place of the handler. After it: replaces the answer.
  void set_reply(Buffer reply);
  /// What the responder says beside its first message and its status. Server: what will be sent.
  /// Caller: what came, after next(); response_metadata() also in the filters of received messages.
  Metadata& response_metadata() noexcept;
  Metadata& trailing_metadata() noexcept;

  /// Before next(). Messages to the wire pass filters from the program's side outwards, received
  /// ones the other way round. Those of kWire come last on the way out, in the order in which they
  /// were added, on both sides: nodes with the same layers undo what the other did. When next()
  /// runs again, the filters that layers further in had added are gone, and those layers add new
  /// ones.
  void add_filter(std::unique_ptr<MessageFilter> filter,
                  FilterPlace place = FilterPlace::kMessages);
  /// Of the stream that this side receives; all zero when there is none.
  JitterBufferStats jitter_buffer_stats() const;

 private:
  internal::CallChain& chain_;
};

/// What lies further in: the layers after this one, and at last the call itself, or its handler.
class Next {
 public:
  Next(internal::CallChain& chain, std::size_t layer) noexcept : chain_(&chain), layer_(layer) {}
  /// Runs it, and says how the call ended. An rpc or event may be tried again by the calling side,
  /// one attempt at a time (dropping the Task cancels one that runs); everything else runs once,
  /// and a second time gives FAILED_PRECONDITION. A stream's ends when the stream does, which its
  /// caller decides. The Task must not outlive the layer's own.
  Task<Status> operator()() const;

 private:
  internal::CallChain* chain_;
  std::size_t layer_;
};

/// One layer. Node::add_middleware() puts it inside those that were added before: the first one is
/// the outermost, on both sides. Belongs to one node, and its functions run on that node's loop.
///
/// ```
/// Task<Status> serve(InterceptedCall& call, Next next) override {
///   if (!may_call(call.metadata())) co_return Status(StatusCode::kPermissionDenied, "...");
///   Status status = co_await next();
///   count(call.method(), status);
///   co_return status;
/// }
/// ```
/// What a layer returns is how the call ends for everything outside it. Not to call next() answers
/// the call: with an error, or OK after set_reply(). A layer that throws ends it with INTERNAL. A
/// caller that drops its call destroys the layers where they wait. A call that is served is
/// answered at its deadline whatever layers do; one that waits on the calling side must heed
/// deadline().
class Middleware {
 public:
  virtual ~Middleware() = default;
  /// For the log: "auth_token".
  virtual std::string_view name() const = 0;
  /// Whether it has anything to do with calls of that method on that side. Asked once for each
  /// method and side; false costs nothing afterwards.
  virtual bool wants(const MethodInfo& method, InterceptedCall::Side side) const;
  /// Around a call that this node makes.
  virtual Task<Status> call(InterceptedCall& call, Next next);
  /// Around a call that this node serves.
  virtual Task<Status> serve(InterceptedCall& call, Next next);
};

}  // namespace echostream
