// Middleware around the calls that this node makes.
#pragma once

#include <memory>
#include <optional>

#include "echostream/base/task_group.h"
#include "echostream/call_options.h"
#include "echostream/internal/call_state.h"

#include "runtime/api/call_chain.h"

namespace echostream::internal {

/// Null once it is gone.
NodeContext* node_of(const Channel& channel) noexcept;
/// For calls that are awaited only then: layers may refer to plugins, which are gone as well.
Status node_closed();
/// The layers around a call through that channel; null when there are none.
LayersPtr caller_layers(const Channel& channel, const MethodInfo& method);

class CallerChain : public CallChain {
 public:
  CallerChain(LayersPtr layers, Channel channel, const MethodInfo& method,
              std::optional<Buffer> request, CallOptions options, const TaskContext& context);

  std::optional<Session> session() const override;
  TypedState* session_state() const noexcept override;
  Task<Result<Session>> wait_session() final;
  CallChain* parent() const noexcept final { return parent_.get(); }
  TypedState& state() noexcept final { return state_; }
  Metadata& metadata() noexcept final { return options_.metadata_; }
  LocalTime started_at() const noexcept final { return started_at_; }
  LocalTime deadline() const noexcept final { return deadline_; }
  void set_deadline(LocalTime deadline) noexcept final;
  Metadata& trailing_metadata() noexcept final { return trailing_metadata_; }

  /// A message that the peer sent in answer, as the engine has it.
  Status accept_reply(Buffer wire);
  /// For the program, once the chain has ended with OK.
  Status decode_reply(MessageSlot reply) const;
  /// What the responder said beside its messages.
  void take_metadata(const CallState& call);

 protected:
  void end_call(Status) override {}
  const NodeContext* node() const noexcept final;
  const Channel& channel() const noexcept { return channel_; }
  /// The same for what this outlives: without a count of its own where there is one session.
  Channel borrowed_channel() const noexcept;
  const TaskContext& context() const noexcept { return context_; }
  bool was_told_anything() const noexcept {
    return !response_metadata_.empty() || !trailing_metadata_.empty();
  }
  /// What the last one brought.
  void forget_attempt();
  /// For an attempt that begins now: what the layers have made of them.
  const CallOptions& attempt_options();
  /// What of request() goes over the wire.
  Result<Buffer> filtered_request();

 private:
  // To the serving call that this one works for, which may end earlier.
  class Parent final : private CallContext::Listener {
   public:
    explicit Parent(CallContext* context);
    CallChain* get() const noexcept { return context() != nullptr ? context()->chain() : nullptr; }

   private:
    void on_cancel() override {}
  };

  Channel channel_;
  CallOptions options_;
  Metadata trailing_metadata_;
  TypedState state_;
  TaskContext context_;
  Parent parent_;
  const LocalTime latest_deadline_;
  const LocalTime started_at_;
  LocalTime deadline_;
};

/// A stream or subscription. Its layers run as a task beside the call that owns this; what they
/// return is how the call ends.
class StreamChain final : public CallerChain {
 public:
  StreamChain(CallState& call, LayersPtr layers, Channel channel, const MethodInfo& method,
              std::optional<Buffer> request, CallOptions options, const TaskContext& context);

  void start();
  /// The peer was asked for the stream: readers and writers may go ahead.
  bool is_open() const noexcept { return is_open_; }

  std::optional<Session> session() const override;
  TypedState* session_state() const noexcept override;
  JitterBufferStats jitter_buffer_stats() const override;
  void end_call(Status status) override;

 private:
  Task<Status> innermost() override;
  void on_receiving() override;
  Task<void> run_to_end();

  CallState& call_;
  bool is_open_ = false;
  // Last: its task uses all of the above.
  TaskGroup task_;
};

// ---- As in generated_support.h, through `layers`.

Task<Status> intercepted_unary_call(LayersPtr layers, Channel channel, const MethodInfo& method,
                                    Buffer& request, MessageSlot reply, CallOptions& options);
Task<Status> intercepted_send_event(LayersPtr layers, Channel channel, const MethodInfo& method,
                                    Result<Buffer> event, CallOptions options);
Task<std::shared_ptr<CallState>> intercepted_open_call(LayersPtr layers, Channel channel,
                                                       const MethodInfo& method,
                                                       std::optional<Result<Buffer>> request,
                                                       const CallOptions& options);

}  // namespace echostream::internal
