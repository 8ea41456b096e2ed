// What calls over one session and over a persistent one have in common.
#pragma once

#include "echostream/generated_support.h"

#include "runtime/api/call_state.h"

namespace echostream::internal {

/// The earliest of the call's own deadline, the .proto's, and that of the call we work for.
LocalTime deadline_of(const MethodInfo& method, const CallOptions& options,
                      const TaskContext& context);
/// Whether it is too late for a call to be made at all.
Status check_before_call(LocalTime deadline, const TaskContext& context);
/// Opens the call's stream and sends the REQUEST.
Result<core::CallStream*> start(SessionState& session, const MethodInfo& method,
                                const CallOptions& options, LocalTime deadline,
                                const TaskContext& context);
/// Decodes what the peer answered: RESOURCE_EXHAUSTED when it would take too much memory, INTERNAL
/// when the peer and we do not mean the same message.
Status decode_reply(BytesView bytes, google::protobuf::MessageLite& reply, const Limits& limits);
/// Reads the one reply, then the status that follows it.
Task<Status> await_reply(CallState& call, google::protobuf::MessageLite& reply);
/// Waits until events of that priority may be sent, or until none ever will.
Task<Status> wait_for_event_queue(SessionState& session, const MethodInfo& method,
                                  LocalTime deadline);

// ---- The same as in generated_support.h, over a persistent session.

Task<Status> persistent_unary_call(std::shared_ptr<PersistentState> persistent,
                                   const MethodInfo& method,
                                   const google::protobuf::MessageLite& request,
                                   google::protobuf::MessageLite& reply,
                                   const CallOptions& options);
Task<Status> persistent_send_event(std::shared_ptr<PersistentState> persistent,
                                   const MethodInfo& method,
                                   const google::protobuf::MessageLite& event,
                                   const CallOptions& options);
Task<std::shared_ptr<CallState>> persistent_open_call(std::shared_ptr<PersistentState> persistent,
                                                      const MethodInfo& method,
                                                      const google::protobuf::MessageLite* request,
                                                      const CallOptions& options);
/// The session under a resumable call was lost: asks again on the next one. False when the call has
/// ended instead.
Task<bool> resume_reading(std::shared_ptr<CallState> call);

}  // namespace echostream::internal
