// One intercepted call: its layers of middleware, its filters, and what the layers may see of it.
// What the innermost layer's next() does is up to the two sides: caller_chain.h, server_chain.h.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "echostream/limits.h"
#include "echostream/middleware.h"

#include "runtime/api/middleware_table.h"

namespace echostream::internal {

struct NodeContext;

class CallChain : private TaskFollower {
 public:
  using Side = InterceptedCall::Side;

  CallChain(Side side, LayersPtr layers, const MethodInfo& method, Executor& executor,
            const Limits& limits);
  virtual ~CallChain() = default;
  CallChain(const CallChain&) = delete;
  CallChain& operator=(const CallChain&) = delete;

  /// The outermost layer and all that is inside it; once. Never throws.
  Task<Status> run() { return run_from(0); }
  /// What Next does. The step counts as begun at once, and until its Task is gone or has ended.
  Task<Status> run_from(std::size_t layer);
  /// The call itself, or its handler, was reached.
  bool was_made() const noexcept { return reached_ > layers_->size(); }

  // ---- What InterceptedCall shows.
  InterceptedCall& call() noexcept { return call_; }
  Side side() const noexcept { return side_; }
  const MethodInfo& method() const noexcept { return method_; }
  Executor& executor() const noexcept { return executor_; }
  virtual std::optional<Session> session() const = 0;
  virtual TypedState* session_state() const noexcept = 0;
  virtual Task<Result<Session>> wait_session() = 0;
  virtual CallChain* parent() const noexcept { return nullptr; }
  virtual TypedState& state() noexcept = 0;
  virtual Metadata& metadata() noexcept = 0;
  virtual LocalTime started_at() const noexcept = 0;
  virtual LocalTime deadline() const noexcept = 0;
  virtual void set_deadline(LocalTime deadline) noexcept = 0;
  virtual bool is_early_data() const noexcept { return false; }
  virtual std::optional<Latency> latency() const { return std::nullopt; }
  virtual JitterBufferStats jitter_buffer_stats() const { return {}; }
  virtual Metadata& trailing_metadata() noexcept = 0;
  Metadata& response_metadata() noexcept { return response_metadata_; }
  const std::optional<Buffer>& request() const noexcept { return request_; }
  void set_request(Buffer request) { request_ = std::move(request); }
  const std::optional<Buffer>& reply() const noexcept { return reply_; }
  void set_reply(Buffer reply) { reply_ = std::move(reply); }
  void add_filter(std::unique_ptr<MessageFilter> filter, FilterPlace place);

  // ---- Messages.
  bool has_filters() const noexcept { return !filters_.empty(); }
  /// Through all filters. An error ends the call, which is up to whoever asks.
  Status pass(CallMessage& message);
  /// The same for a message that is not a frame.
  Status pass(CallMessage::Direction direction, Buffer& bytes);
  /// Ends the call at once, for a filter's error.
  virtual void end_call(Status status) = 0;

 protected:
  /// What the last layer's next() runs.
  virtual Task<Status> innermost() = 0;
  virtual bool may_run_again() const noexcept { return false; }
  /// Before a message of ours goes out.
  virtual void on_sending() {}
  /// Before a frame of the peer's passes the filters.
  virtual void on_receiving() {}
  /// Null once the node is gone.
  virtual const NodeContext* node() const noexcept = 0;
  std::size_t max_decoded_bytes() const noexcept { return max_decoded_bytes_; }

  std::optional<Buffer> request_;
  std::optional<Buffer> reply_;
  Metadata response_metadata_;

 private:
  struct Filter {
    std::unique_ptr<MessageFilter> filter;
    FilterPlace place;
    // Of the layer that added it.
    std::size_t depth;
  };
  bool on_task_threw(PromiseBase& task, Places places) noexcept override;
  void on_task_gone(Places places) noexcept override;
  Status refusal_of(std::size_t layer) const;
  Status run_filter(const Filter& filter, CallMessage& message);
  Status pass_all(FilterPlace place, bool first_added_first, CallMessage& message);
  void log_thrown(std::size_t depth, const char* where) const;

  const Side side_;
  LayersPtr layers_;
  const MethodInfo& method_;
  Executor& executor_;
  // Of this node, for what goes to the program.
  const std::uint64_t max_message_bytes_;
  const std::size_t max_decoded_bytes_;
  InterceptedCall call_{*this};
  std::vector<Filter> filters_;
  // How many steps have begun and not ended: a layer each, and the call itself.
  std::size_t depth_ = 0;
  // The most there ever were.
  std::size_t reached_ = 0;
};

/// A step that has failed already.
Task<Status> fail_with(Status status);

/// A frame of a stream or a published event on its way out. An error has ended the call.
Status pass_sent_frame(CallChain& chain, Buffer& bytes, std::uint64_t sequence,
                       RemoteTime capture_time, LocalTime handed_over);

/// The status text of a handler that threw.
inline constexpr char kHandlerThrew[] = "the handler threw an exception";

/// An rpc or a client stream: OK means that there is a reply.
bool has_one_reply(const MethodInfo& method) noexcept;

}  // namespace echostream::internal
