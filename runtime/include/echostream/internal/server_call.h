// A call on the serving side, as generated dispatchers see it. Not for direct use.
#pragma once

#include <google/protobuf/message_lite.h>

#include <memory>
#include <optional>

#include "echostream/base/block_pool.h"
#include "echostream/base/task.h"
#include "echostream/base/task_group.h"
#include "echostream/call.h"
#include "echostream/clock.h"
#include "echostream/internal/call_state.h"
#include "echostream/service.h"

namespace echostream::internal {

class ServerChain;

/// One incoming call or event: its handler runs under `context()`. The service, which is the
/// node's, outlives it.
class ServerCall : public PooledObject {
 public:
  /// For a call.
  ServerCall(std::shared_ptr<CallState> call, Service& service, const MethodInfo& method,
             Metadata metadata);
  /// For a one-way event.
  ServerCall(std::shared_ptr<SessionState> session, Service& service, const MethodInfo& method,
             Metadata metadata, Buffer event);
  ~ServerCall();
  ServerCall(const ServerCall&) = delete;
  ServerCall& operator=(const ServerCall&) = delete;

  Call& call() noexcept { return user_call_; }
  CallContext& context() noexcept { return *context_; }
  const std::shared_ptr<SessionState>& session() const noexcept;
  const std::shared_ptr<CallState>& state() const noexcept { return state_; }
  const MethodInfo& method() const noexcept { return method_; }
  const Metadata& metadata() const noexcept { return metadata_; }
  TypedState& values() noexcept { return values_; }

  /// How long the request or event took, where that is known.
  const std::optional<Latency>& latency() const noexcept { return latency_; }
  LocalTime received_at() const noexcept { return received_at_; }
  void set_received(LocalTime at, std::optional<Latency> latency) noexcept {
    received_at_ = at;
    latency_ = latency;
  }

  bool is_early_data() const noexcept { return is_early_data_; }
  void set_early_data(bool is_early) noexcept { is_early_data_ = is_early; }

  /// Tells the caller that its call is served, before there is a first message to tell it.
  void begin_response();
  void set_response_metadata(Metadata metadata);
  void add_trailing_metadata(std::string key, std::string value);

  /// Reads the one request. False: none came or it cannot be decoded, and the call has been
  /// answered.
  Task<bool> receive(MessageSlot request);
  /// The same without waiting; none when there is something to wait for.
  std::optional<bool> try_receive(MessageSlot request);
  /// The event's message; false when it cannot be decoded.
  bool decode_event(MessageSlot event);
  /// The end of an rpc or client stream: a reply, or an error. Middleware may still change it.
  void finish(const google::protobuf::MessageLite* reply, const Status& status);
  void finish(const Buffer* reply, const Status& status);
  /// The end of a stream.
  void finish(const Status& status);
  /// The handler has ended, or the call was answered in its place.
  bool is_finished() const noexcept { return finished_; }
  /// Answers in the handler's place, whatever it and the layers around it are doing.
  void finish_now(const Status& status);

  /// Runs the service's dispatcher and sees to it that the call is answered, whatever it does.
  static RootTask run(std::unique_ptr<ServerCall> call, std::size_t method_index);

 private:
  friend class ServerChain;
  Task<void> dispatch(std::size_t method_index) { return service_.dispatch(method_index, *this); }
  void finish(Result<Buffer> reply, bool has_reply, const Status& status);
  /// Of the request or event, through the filters.
  Status take(Buffer bytes, MessageSlot message);
  void answer(const Buffer* reply, Status status);
  void handle_thrown();
  Status decode(const Buffer& bytes, MessageSlot message);

  std::shared_ptr<CallState> state_;       // null for an event
  std::shared_ptr<SessionState> session_;  // of an event; null for a call, which has its own
  Service& service_;
  const MethodInfo& method_;
  Metadata metadata_;
  Buffer event_;
  CallContext own_context_;
  CallContext* context_;
  std::optional<Metadata> response_metadata_;
  Metadata trailing_metadata_;
  std::optional<Latency> latency_;
  LocalTime received_at_{};
  bool is_early_data_ = false;
  bool finished_ = false;
  bool answered_ = false;
  ServerChain* chain_ = nullptr;
  TypedState values_;
  std::size_t held_bytes_ = 0;
  Call user_call_{*this};
};

}  // namespace echostream::internal
