// The untyped end of a call under Reader, Writer and the generated code. Not for direct use.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/unique_function.h"
#include "echostream/call_options.h"
#include "echostream/clock.h"
#include "echostream/jitter_buffer.h"
#include "echostream/metadata.h"
#include "echostream/method.h"
#include "echostream/session.h"

namespace echostream {

namespace internal {
class CallState;
}

/// A reader went on after the session under it was lost.
struct Resumed {
  /// From the loss of the old session, as this node noticed it, until the request went out again.
  /// The last frames before it may be missing too: a network that falls silent is noticed after
  /// NodeOptions::idle_timeout.
  Duration away{};
  /// Sessions that were lost since the previous frame.
  std::uint32_t losses = 0;
};

namespace internal {

struct FrameInfo {
  std::uint64_t sequence = 0;
  RemoteTime capture_time{};
  LocalTime arrival_time{};
  std::uint64_t lost_before = 0;
  bool is_gap = false;
  LocalTime playout_time{};
  Duration duration{};
  std::optional<LocalTime> local_capture_time;
  std::optional<Latency> latency;
  std::optional<Resumed> resumed;
};

/// Opens a call, with the encoded request where it has one. A call that cannot be opened is one
/// that has ended already, with the reason.
Task<std::shared_ptr<CallState>> open_call(Channel channel, const MethodInfo& method,
                                           std::optional<Result<Buffer>> request,
                                           const CallOptions& options);
/// The next message into `message`: true; the end: false, and call_status() says why.
Task<bool> read_message(std::shared_ptr<CallState> call, google::protobuf::MessageLite& message,
                        FrameInfo& info);
/// The same with the gaps of a stream that has a jitter buffer: FrameInfo::is_gap, no message.
Task<bool> read_playout(std::shared_ptr<CallState> call, google::protobuf::MessageLite& message,
                        FrameInfo& info);
// The same undecoded.
Task<bool> read_message(std::shared_ptr<CallState> call, Buffer& message, FrameInfo& info);
Task<bool> read_playout(std::shared_ptr<CallState> call, Buffer& message, FrameInfo& info);
/// RESOURCE_EXHAUSTED from 2 GiB on.
Result<Buffer> encode_message(const google::protobuf::MessageLite& message);
inline Result<Buffer> encode_message(const Buffer& message) { return message; }
/// Waits until the send queue has room, then queues the frame. The error of a message that could
/// not be encoded is the task's result.
Task<Status> write_message(std::shared_ptr<CallState> call, Result<Buffer> message,
                           WriteOptions options);
/// Caller: no more frames from us.
Task<Status> finish_writing(std::shared_ptr<CallState> call);
/// Caller: waits for the one reply of a client stream.
Task<Status> read_reply(std::shared_ptr<CallState> call, google::protobuf::MessageLite& reply);
const Status& call_status(const CallState& call);
const Metadata& call_response_metadata(const CallState& call);
const Metadata& call_trailing_metadata(const CallState& call);
std::uint64_t call_lost_at_end(const CallState& call);
Status set_jitter_buffer(CallState& call, const JitterBufferOptions& options);
JitterBufferStats jitter_buffer_stats(const CallState& call);
std::optional<StreamFeedback> stream_feedback(const CallState& call);
std::uint64_t stream_target_bitrate(const CallState& call);
void watch_target_bitrate(CallState& call, UniqueFunction<void(std::uint64_t)> callback);
void cancel_call(CallState& call);
/// One half was dropped; the other may live on.
void drop_reader(CallState& call);
void drop_writer(CallState& call);

}  // namespace internal
}  // namespace echostream
