// One call under the typed handles, in either role: waits for what the engine reports, with the
// call's deadline and cancellation.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>

#include "echostream/base/wait.h"
#include "echostream/internal/call_state.h"

#include "runtime/api/bitrate_watch.h"
#include "runtime/api/session_state.h"
#include "runtime/core/session/call_stream.h"

namespace echostream::internal {

class CallChain;
class PersistentState;
class StreamChain;

/// What it takes to ask again on another session, and what to tell the reader then.
struct Resumption {
  std::shared_ptr<PersistentState> persistent;
  const MethodInfo& method;
  std::optional<Buffer> request;
  CallOptions options;
  std::optional<JitterBufferOptions> jitter_buffer;
  /// Since the last frame that was handed out.
  Resumed resumed;
};

class CallState final : private core::CallObserver {
 public:
  class Wait;
  /// A call that the engine has opened, or is serving.
  CallState(std::shared_ptr<SessionState> session, core::CallStream& stream, LocalTime deadline);
  /// A caller's, which is to be opened.
  explicit CallState(LocalTime deadline);
  ~CallState();
  CallState(const CallState&) = delete;
  CallState& operator=(const CallState&) = delete;

  SessionState& session() const noexcept { return *session_; }
  const std::shared_ptr<SessionState>& session_ptr() const noexcept { return session_; }
  /// Null while the call is not open, and when it could not be opened.
  core::CallStream* stream() const noexcept { return stream_; }
  bool is_caller() const noexcept {
    return stream_ == nullptr || stream_->role() == core::CallStream::Role::kCaller;
  }
  CallContext& context() noexcept { return context_; }
  /// finish() was called: the writer may be dropped.
  bool writing_finished = false;
  /// Null unless the writer asked for it.
  std::unique_ptr<BitrateWatch> bitrate_watch;

  /// Looks at the engine: true when nothing more can be received; status() then says how it ended.
  /// A call with layers around it goes on until these have ended, too.
  bool receive_ended();
  /// Of what receive_ended() and fail() have found: does not look.
  bool is_ended() const noexcept { return ended_; }
  const Status& status() const noexcept { return status_; }
  const Metadata& response_metadata() const;
  const Metadata& trailing_metadata() const noexcept { return trailing_metadata_; }
  /// Ends the call for a reason of our own; the first reason stays.
  void fail(Status status);
  /// Ended, and not by the peer's or our own will: the session was lost, or was about to be.
  bool is_cut_off() const noexcept { return cut_off_; }

  /// Set for readers that go on on another session.
  std::unique_ptr<Resumption> resumption;
  /// Lets the lost session go: the call is neither open nor ended.
  void begin_resuming();
  void attach(std::shared_ptr<SessionState> session, core::CallStream& stream);
  WaitPoint& changed() noexcept { return changed_; }

  /// The middleware around the call, whose filters its messages pass; null where there is none. Set
  /// and taken away by the chain itself.
  CallChain* chain() const noexcept { return chain_; }
  void set_chain(CallChain* chain) noexcept { chain_ = chain; }
  /// The same, of a caller's stream: its layers run beside the call and end with it.
  std::unique_ptr<StreamChain> layers;
  bool has_layers() const noexcept { return layers != nullptr; }
  /// What the layers are around has ended: the stream, for good, or the call for our own reasons.
  bool stream_is_over();
  /// The layers have returned. Nothing happens when the call has ended before.
  void end_with(Status status, Metadata trailing_metadata);

  /// Fails the call when its own deadline has passed: for those who never have to wait.
  void check_deadline();
  /// Waits for a change; false when the call has ended instead (deadline, cancellation), with
  /// fail() done.
  Wait wait();

 private:
  // The engine must not be called back from on_call_changed(), nor may user code run in it.
  struct CancelLater final : ReadyNode {
    explicit CancelLater(CallState& state) noexcept : owner(state) {}
    void on_ready() override { owner.context_.cancel(); }
    CallState& owner;
  };
  void on_call_changed() override;
  bool handle_woken(WaitResult result);
  bool will_resume() const noexcept { return resumption != nullptr && cut_off_; }

  std::shared_ptr<SessionState> session_;
  core::CallStream* stream_ = nullptr;
  CallContext context_;
  WaitPoint changed_;
  CancelLater cancel_later_{*this};
  CallChain* chain_ = nullptr;
  bool ended_ = false;
  bool stream_over_ = false;
  bool cut_off_ = false;
  Status status_;
  Metadata trailing_metadata_;
};

/// `co_await call.wait()`: no coroutine of its own, for each call waits at least once.
class CallState::Wait {
 public:
  explicit Wait(CallState& call) noexcept
      : call_(call), awaiter_(&call.changed_, call.context_.deadline()) {}
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> handle) {
    const CallContext* outer = handle.promise().context().call;
    if (outer != nullptr) awaiter_.end_by(outer->deadline());
    return awaiter_.await_suspend(handle);
  }
  bool await_resume() { return call_.handle_woken(awaiter_.await_resume()); }

 private:
  CallState& call_;
  WaitAwaiter awaiter_;
};

inline CallState::Wait CallState::wait() { return Wait(*this); }

/// Decodes, and says what that took beside the bytes' own content, about. RESOURCE_EXHAUSTED when
/// it would take more than `most_memory`, INVALID_ARGUMENT when the bytes are not such a message.
Result<std::size_t> decode_message(BytesView bytes, google::protobuf::MessageLite& message,
                                   std::size_t most_memory);

/// The same for bytes that nobody decodes: they take nothing beside themselves.
Result<std::size_t> fill(MessageSlot slot, const Buffer& bytes, std::size_t most_memory);

}  // namespace echostream::internal
