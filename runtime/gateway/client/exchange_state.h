// What stands between a program that waits for an exchange and the connection that reports on it.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "echostream/base/executor.h"
#include "echostream/base/status.h"
#include "echostream/base/wait.h"

#include "runtime/base/buffer_builder.h"
#include "runtime/base/stream_id.h"
#include "runtime/gateway/client/http_messages.h"

namespace echostream::gateway {

class ClientConnection;

class ExchangeState final : private TimerNode {
 public:
  /// Not sent before ClientConnection::add(). Fails at its deadline. `executor` outlives it.
  ExchangeState(Executor& executor, HttpRequest request, LocalTime deadline);
  /// Cancels what has not ended.
  ~ExchangeState() override;
  ExchangeState(const ExchangeState&) = delete;
  ExchangeState& operator=(const ExchangeState&) = delete;

  // ---- The program's side.

  const std::optional<HttpHead>& head() const noexcept { return head_; }
  /// It has come, and nobody else asks for it.
  HttpHead take_head() noexcept { return std::move(*head_); }
  bool has_body() const noexcept { return !unread_.empty(); }
  /// What has come, and gives the server leave to send as much again.
  Buffer take_body();
  /// The response is complete.
  bool has_ended() const noexcept { return ended_; }
  const http3::Fields& trailers() const noexcept { return trailers_; }
  /// Why it failed; none while it has not.
  const std::optional<Status>& error() const noexcept { return error_; }
  bool is_unprocessed() const noexcept { return unprocessed_; }

  /// Why no more of the request can be sent; OK while it can.
  Status write_status() const;
  /// Little enough is unsent. Otherwise whoever waits is woken when it is.
  bool may_write();
  void write(Buffer bytes);
  void finish(http3::Fields trailers);

  /// Ends it for a reason of this side's. Nothing happens when it is over.
  void fail(Status status);
  /// Waits for a change, or until the exchange has failed.
  Task<void> wait();

  // ---- The connection's side.

  const HttpRequest& request() const noexcept { return request_; }
  StreamId id() const noexcept { return id_; }
  /// Among those that wait for a stream; none: it does not.
  const std::optional<std::uint64_t>& place() const noexcept { return place_; }
  void set_place(std::optional<std::uint64_t> place) noexcept { place_ = place; }
  void handle_added(ClientConnection& connection) noexcept { connection_ = &connection; }
  void handle_opened(StreamId id);
  void handle_head(http3::Fields fields);
  void handle_body(BytesView data);
  void handle_trailers(http3::Fields trailers);
  void handle_end();
  void handle_reset(std::uint64_t code);
  void handle_stop_sending(std::uint64_t code);
  void handle_drained() { changed_.notify_all(); }
  void handle_stream_closed();
  /// There is no connection any more; `unprocessed`: and never was for this one.
  void handle_lost(const Status& status, bool unprocessed);

 private:
  void on_timer(LocalTime now) override;
  bool is_over() const noexcept { return error_ || (ended_ && finished_); }
  void drop_unread();
  void end_stream();

  HttpRequest request_;
  ClientConnection* connection_ = nullptr;
  StreamId id_;  // not valid while it waits
  std::optional<std::uint64_t> place_;
  WaitPoint changed_;

  // Of the request.
  bool finished_ = false;
  http3::Fields request_trailers_;
  std::optional<Status> unwanted_;

  // Of the response.
  std::optional<HttpHead> head_;
  BufferBuilder unread_;
  http3::Fields trailers_;
  bool ended_ = false;

  bool stream_closed_ = false;
  std::optional<Status> error_;
  bool unprocessed_ = false;
};

}  // namespace echostream::gateway
