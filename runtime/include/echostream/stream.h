// The two ends of a stream: Writer<T> sends frames, Reader<T> receives them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/call_options.h"
#include "echostream/clock.h"
#include "echostream/internal/call_state.h"
#include "echostream/jitter_buffer.h"

namespace echostream {

/// One message of a stream, or one event, with what the receiver knows about it.
template <class T>
struct Frame {
  T message;
  /// Counts from 0 at the sender, dropped frames included.
  std::uint64_t sequence = 0;
  /// When the content came to be, on the sender's clock.
  RemoteTime capture_time{};
  /// When it reached this node.
  LocalTime arrival_time{};
  /// Frames missing between the previous one handed out and this one.
  std::uint64_t lost_before = 0;
  /// When it is to be shown or heard: now, as exactly as the loop runs. Without a jitter buffer,
  /// the arrival time.
  LocalTime playout_time{};
  /// How long it should take to play, longer or shorter than captured while the buffer changes its
  /// delay. Zero without a jitter buffer.
  Duration duration{};
  /// The capture time on this node's clock, and the way from capture to arrival; none while the
  /// session's clock is not known.
  std::optional<LocalTime> local_capture_time;
  std::optional<Latency> latency;
  /// Persistent sessions: set on the first frame of a new session. Frames may be missing before it
  /// that lost_before does not count, and sequence numbers begin anew.
  std::optional<Resumed> resumed;
};

/// A stretch of playout time: a frame, or a gap for which there is none.
template <class T>
struct Playout {
  /// None: play filler, for example what the codec makes up for a lost frame, for `duration`.
  std::optional<Frame<T>> frame;
  LocalTime at{};
  Duration duration{};
};

/// The receiving end. Move-only. Dropping it before the end cancels a caller's call; a handler goes
/// on, and the sender's next write fails. One task reads at a time.
template <class T>
class Reader {
 public:
  Reader() = default;
  explicit Reader(std::shared_ptr<internal::CallState> call) noexcept : call_(std::move(call)) {}
  Reader(Reader&&) noexcept = default;
  Reader& operator=(Reader&& other) noexcept {
    Reader taken(std::move(other));
    call_.swap(taken.call_);
    return *this;
  }
  ~Reader() {
    if (call_) internal::drop_reader(*call_);
  }

  /// The next frame, in order; nothing at the end, and then status() says how it ended.
  /// `while (auto frame = co_await reader.next()) use(frame->message);`
  Task<std::optional<Frame<T>>> next() { return next(call_); }
  /// The same, and the gaps: what a player of sound needs, which must play something all the time.
  /// Only streams with a jitter buffer have gaps; those begin to be told with the first call.
  Task<std::optional<Playout<T>>> next_playout() { return next_playout(call_); }
  /// Replaces what the .proto says, for this stream. Before its first frame is read; later
  /// what the old buffer holds comes out at once, and the new one starts anew. INVALID_ARGUMENT
  /// when the options contradict each other.
  Status set_jitter_buffer(const JitterBufferOptions& options) {
    return internal::set_jitter_buffer(*call_, options);
  }
  /// All zero without a jitter buffer.
  JitterBufferStats jitter_buffer_stats() const { return internal::jitter_buffer_stats(*call_); }
  /// OK when the sender finished; otherwise why the stream broke. Meaningful after next() gave
  /// nothing.
  const Status& status() const { return internal::call_status(*call_); }
  /// What the sender's handler said before the first frame.
  const Metadata& response_metadata() const { return internal::call_response_metadata(*call_); }
  const Metadata& trailing_metadata() const { return internal::call_trailing_metadata(*call_); }
  /// Frames that the sender sent after the last one we got.
  std::uint64_t lost_at_end() const { return internal::call_lost_at_end(*call_); }
  /// Ends the call at once.
  void cancel() { internal::cancel_call(*call_); }

 private:
  static Task<std::optional<Frame<T>>> next(std::shared_ptr<internal::CallState> call) {
    Frame<T> frame;
    internal::FrameInfo info;
    const bool got = co_await internal::read_message(std::move(call), frame.message, info);
    if (!got) co_return std::nullopt;
    describe(frame, info);
    co_return std::move(frame);
  }
  static Task<std::optional<Playout<T>>> next_playout(std::shared_ptr<internal::CallState> call) {
    Frame<T> frame;
    internal::FrameInfo info;
    const bool got = co_await internal::read_playout(std::move(call), frame.message, info);
    if (!got) co_return std::nullopt;
    std::optional<Playout<T>> playout;
    playout.emplace();
    playout->at = info.playout_time;
    playout->duration = info.duration;
    if (!info.is_gap) {
      describe(frame, info);
      playout->frame = std::move(frame);
    }
    co_return std::move(playout);
  }
  static void describe(Frame<T>& frame, const internal::FrameInfo& info) {
    frame.sequence = info.sequence;
    frame.capture_time = info.capture_time;
    frame.arrival_time = info.arrival_time;
    frame.lost_before = info.lost_before;
    frame.playout_time = info.playout_time;
    frame.duration = info.duration;
    frame.local_capture_time = info.local_capture_time;
    frame.latency = info.latency;
    frame.resumed = info.resumed;
  }
  std::shared_ptr<internal::CallState> call_;
};

/// The sending end. Move-only. In a handler the stream ends when the handler returns; on the
/// calling side with finish(). Dropping a caller's writer unfinished cancels the call. One task
/// writes at a time.
template <class T>
class Writer {
 public:
  Writer() = default;
  explicit Writer(std::shared_ptr<internal::CallState> call) noexcept : call_(std::move(call)) {}
  Writer(Writer&&) noexcept = default;
  Writer& operator=(Writer&& other) noexcept {
    Writer taken(std::move(other));
    call_.swap(taken.call_);
    return *this;
  }
  ~Writer() {
    if (call_) internal::drop_writer(*call_);
  }

  /// Queues one frame; waits first while the queue is long (RELIABLE). CANCELLED or UNAVAILABLE
  /// when the call is over, RESOURCE_EXHAUSTED when the message is larger than the peer takes. The
  /// message is encoded at once and may be changed as soon as write() has returned.
  Task<Status> write(const T& message, WriteOptions options = {}) {
    return internal::write_message(call_, internal::encode_message(message), options);
  }
  /// Caller: no more frames from us. What was written is still delivered. FAILED_PRECONDITION in a
  /// handler, whose stream ends when it returns.
  Task<Status> finish() { return internal::finish_writing(call_); }
  void cancel() { internal::cancel_call(*call_); }
  /// What the receiver last said; none before it said anything, and from peers without datagrams.
  std::optional<StreamFeedback> feedback() const { return internal::stream_feedback(*call_); }
  /// Bits per second that this stream may send now without filling the queues of the path: what the
  /// path delivers, less what streams of higher priority send; those of the same priority share it.
  /// Cautious: it falls within a second when the path gets slower, and rises within some. 0 before
  /// anything is known, and in memory.
  std::uint64_t target_bitrate() const { return internal::stream_target_bitrate(*call_); }
  /// Calls back, from the loop's ready queue, when target_bitrate() has changed by more than a
  /// tenth since the last call; the first time when it is known. One at a time; an empty one ends
  /// it, and so does the end of the call.
  void on_target_bitrate(UniqueFunction<void(std::uint64_t bits_per_s)> callback) {
    internal::watch_target_bitrate(*call_, std::move(callback));
  }

 private:
  std::shared_ptr<internal::CallState> call_;
};

/// A caller's end of a client stream: write frames, then finish() for the reply.
template <class Sent, class Reply>
class ClientStream {
 public:
  explicit ClientStream(std::shared_ptr<internal::CallState> call) noexcept
      : call_(call), writer_(std::move(call)) {}

  Task<Status> write(const Sent& message, WriteOptions options = {}) {
    return writer_.write(message, options);
  }
  std::optional<StreamFeedback> feedback() const { return writer_.feedback(); }
  /// As of a Writer.
  std::uint64_t target_bitrate() const { return writer_.target_bitrate(); }
  void on_target_bitrate(UniqueFunction<void(std::uint64_t bits_per_s)> callback) {
    writer_.on_target_bitrate(std::move(callback));
  }
  /// Ends our side and waits for the reply.
  Task<Result<Reply>> finish() { return finish(call_); }
  void cancel() { internal::cancel_call(*call_); }

 private:
  static Task<Result<Reply>> finish(std::shared_ptr<internal::CallState> call) {
    Reply reply;
    Status status = co_await internal::finish_writing(call);
    if (status.is_ok()) status = co_await internal::read_reply(std::move(call), reply);
    if (!status.is_ok()) co_return status;
    co_return std::move(reply);
  }
  std::shared_ptr<internal::CallState> call_;
  Writer<Sent> writer_;
};

/// A caller's end of a stream in both directions. The two halves may be moved out and used by two
/// tasks.
template <class Sent, class Received>
class DuplexStream {
 public:
  explicit DuplexStream(std::shared_ptr<internal::CallState> call) noexcept
      : writer(call), reader(std::move(call)) {}

  Writer<Sent> writer;
  Reader<Received> reader;
};

}  // namespace echostream
