// What calls over one session and over a persistent one have in common.
#pragma once

#include "echostream/generated_support.h"

#include "runtime/api/call_state.h"

namespace echostream::internal {

class CallerChain;

/// The earliest of the call's own deadline, the .proto's, and that of the call we work for.
LocalTime deadline_of(const MethodInfo& method, const CallOptions& options,
                      const TaskContext& context, LocalTime now);
/// Whether it is too late for a call to be made at all.
Status check_before_call(LocalTime deadline, const TaskContext& context, LocalTime now);
/// Opens the call's stream and sends the REQUEST.
Result<core::CallStream*> start(SessionState& session, const MethodInfo& method,
                                const CallOptions& options, LocalTime deadline,
                                const TaskContext& context, LocalTime now);
/// Opens the stream of a call that has none yet, and sends the request's message. What prevents
/// that ends the call.
void begin(CallState& call, std::shared_ptr<SessionState> session, const MethodInfo& method,
           const std::optional<Buffer>& request, const CallOptions& options,
           const TaskContext& context);
/// Decodes what the peer answered: RESOURCE_EXHAUSTED when it would take too much memory, INTERNAL
/// when the peer and we do not mean the same message.
Status decode_reply(const Buffer& bytes, MessageSlot reply, std::size_t max_decoded_bytes);

/// Where the reply of an rpc goes: into the program's message, or to the middleware around it.
class ReplySink {
 public:
  explicit ReplySink(MessageSlot message) noexcept : message_(message) {}
  explicit ReplySink(CallerChain& chain) noexcept : chain_(&chain) {}
  /// A message of the peer's.
  Status accept(Buffer bytes, const CallState& call) const;
  void clear() const;
  /// The responder's metadata, once the call has ended.
  void take_metadata(const CallState& call, const CallOptions& options) const;

 private:
  std::optional<MessageSlot> message_;
  CallerChain* chain_ = nullptr;
};
/// Reads the one reply, then the status that follows it:
/// `while (!reader.is_over()) (void)co_await call.wait();`
class ReplyReader {
 public:
  ReplyReader(CallState& call, const ReplySink& reply) noexcept : call_(call), reply_(reply) {}
  /// Takes what has come.
  bool is_over();
  /// How the call ended, once it is over.
  Status status() const;

 private:
  CallState& call_;
  const ReplySink reply_;
  bool got_reply_ = false;
};
/// Waits until events of that priority may be sent, or until none ever will.
Task<Status> wait_for_event_queue(SessionState& session, const MethodInfo& method,
                                  LocalTime deadline);

// ---- The same as in generated_support.h, past all middleware.

Task<Status> direct_unary_call(Channel channel, const MethodInfo& method, const Buffer& request,
                               ReplySink reply, const CallOptions& options);
Task<Status> direct_send_event(Channel channel, const MethodInfo& method, Result<Buffer> event,
                               CallOptions options);

// ---- Over a persistent session.

Task<Status> persistent_unary_call(std::shared_ptr<PersistentState> persistent,
                                   const MethodInfo& method, const Buffer& request, ReplySink reply,
                                   const CallOptions& options);
Task<Status> persistent_send_event(std::shared_ptr<PersistentState> persistent,
                                   const MethodInfo& method, Result<Buffer> event,
                                   CallOptions options);
/// begin() on the session of the moment, or the next.
Task<void> persistent_begin(CallState& call, std::shared_ptr<PersistentState> persistent,
                            const MethodInfo& method, std::optional<Buffer> request,
                            const CallOptions& options, TaskContext context);
/// The session under a resumable call was lost: asks again on the next one. False when the call has
/// ended instead.
Task<bool> resume_reading(std::shared_ptr<CallState> call);

}  // namespace echostream::internal
