// Middleware around a call that this node serves.
#pragma once

#include <optional>

#include "echostream/internal/server_call.h"

#include "runtime/api/call_chain.h"
#include "runtime/api/deadline_timer.h"

namespace echostream::internal {

/// What the handler gives as its answer stays here until the layers have ended, and goes out then.
class ServerChain final : public CallChain {
 public:
  /// ServerCall::run() inside layers.
  static RootTask serve(std::unique_ptr<ServerCall> call, std::size_t method_index,
                        LayersPtr layers);
  ServerChain(LayersPtr layers, ServerCall& call, std::size_t method_index,
              CallDeadlineTimer& timer);
  ~ServerChain() override;

  /// The one request, as it came; the handler gets what the filters make of it, which is request().
  Status accept_request(Buffer bytes);
  /// The handler's end.
  void handle_finished(std::optional<Buffer> reply, Status status);
  /// In place of those of the same keys.
  void add_response_metadata(const Metadata& metadata);
  /// Sends what there is so far, be it nothing.
  void begin_response();
  /// What the outermost layer returned goes to the caller.
  void answer(Status status);

  std::optional<Session> session() const override { return Session(server_call_.session()); }
  TypedState* session_state() const noexcept override { return &server_call_.session()->state(); }
  Task<Result<Session>> wait_session() override;
  TypedState& state() noexcept override { return server_call_.values(); }
  Metadata& metadata() noexcept override { return server_call_.metadata_; }
  LocalTime started_at() const noexcept override { return server_call_.received_at(); }
  LocalTime deadline() const noexcept override { return server_call_.context().deadline(); }
  void set_deadline(LocalTime deadline) noexcept override;
  bool is_early_data() const noexcept override { return server_call_.is_early_data(); }
  std::optional<Latency> latency() const override { return server_call_.latency(); }
  JitterBufferStats jitter_buffer_stats() const override;
  Metadata& trailing_metadata() noexcept override { return server_call_.trailing_metadata_; }
  void end_call(Status status) override;

 private:
  Task<Status> innermost() override;
  void on_sending() override;
  const NodeContext* node() const noexcept override { return server_call_.session()->node(); }

  ServerCall& server_call_;
  const std::size_t method_index_;
  CallDeadlineTimer& timer_;
  // Of the handler.
  Status status_;
  Metadata sent_response_metadata_;
};

}  // namespace echostream::internal
