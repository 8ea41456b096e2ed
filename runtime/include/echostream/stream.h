// The two ends of a stream: Writer<T> sends frames, Reader<T> receives them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/call_options.h"
#include "echostream/internal/call_state.h"

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
    frame.sequence = info.sequence;
    frame.capture_time = info.capture_time;
    frame.arrival_time = info.arrival_time;
    frame.lost_before = info.lost_before;
    co_return std::move(frame);
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
  /// when the call is over, RESOURCE_EXHAUSTED when the message is larger than the peer takes.
  Task<Status> write(T message, WriteOptions options = {}) {
    return write(call_, std::move(message), options);
  }
  /// Caller: no more frames from us. What was written is still delivered. FAILED_PRECONDITION in a
  /// handler, whose stream ends when it returns.
  Task<Status> finish() { return internal::finish_writing(call_); }
  void cancel() { internal::cancel_call(*call_); }

 private:
  static Task<Status> write(std::shared_ptr<internal::CallState> call, T message,
                            WriteOptions options) {
    Status status = co_await internal::write_message(std::move(call), message, options);
    co_return status;
  }
  std::shared_ptr<internal::CallState> call_;
};

/// A caller's end of a client stream: write frames, then finish() for the reply.
template <class Sent, class Reply>
class ClientStream {
 public:
  explicit ClientStream(std::shared_ptr<internal::CallState> call) noexcept
      : call_(call), writer_(std::move(call)) {}

  Task<Status> write(Sent message, WriteOptions options = {}) {
    return writer_.write(std::move(message), options);
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
