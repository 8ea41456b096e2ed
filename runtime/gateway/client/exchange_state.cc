#include "runtime/gateway/client/exchange_state.h"

#include <utility>

#include "runtime/gateway/client/client_connection.h"
#include "runtime/gateway/client/reset_status.h"

namespace echostream::gateway {
namespace {

// How much of a streamed body waits unsent: more would be memory, less would leave the line idle.
constexpr std::size_t kHighWaterBytes = 64 * 1024;
constexpr std::size_t kLowWaterBytes = 32 * 1024;

Status deadline_passed() {
  return {StatusCode::kDeadlineExceeded, "the deadline of the request has passed"};
}

int status_of(const http3::Fields& fields) {
  int status = 0;
  for (const char c : fields.get(":status"))
    status = status * 10 + (c - '0');  // nghttp3 has looked
  return status;
}

}  // namespace

ExchangeState::ExchangeState(Executor& executor, HttpRequest request, LocalTime deadline)
    : request_(std::move(request)), finished_(!request_.streams_body) {
  executor.arm(*this, deadline);
}

ExchangeState::~ExchangeState() {
  if (connection_ == nullptr) return;
  drop_unread();
  end_stream();
  connection_->forget(*this);
}

// ---- The program's side.

Buffer ExchangeState::take_body() {
  Buffer body = unread_.take();
  if (connection_ != nullptr) connection_->consume(id_, body.size());
  return body;
}

Status ExchangeState::write_status() const {
  if (error_) return *error_;
  if (finished_) {
    return {StatusCode::kFailedPrecondition, "the body of the request is complete"};
  }
  if (unwanted_) return *unwanted_;
  return Status::ok();
}

bool ExchangeState::may_write() {
  if (connection_ == nullptr || !id_.is_valid()) return false;
  http3::Http3Connection& http = connection_->http();
  if (http.unsent_bytes(id_) <= kHighWaterBytes) return true;
  http.notify_when_drained(id_, kLowWaterBytes);
  return false;
}

void ExchangeState::write(Buffer bytes) {
  if (connection_ == nullptr || bytes.empty()) return;
  connection_->http().write(id_, std::move(bytes));
  connection_->flush_soon();
}

void ExchangeState::finish(http3::Fields trailers) {
  finished_ = true;
  if (connection_ == nullptr) return;
  if (!id_.is_valid()) {
    request_trailers_ = std::move(trailers);
    return;
  }
  connection_->http().finish(id_, trailers);
  connection_->flush_soon();
}

void ExchangeState::fail(Status status) {
  if (is_over()) return;
  error_ = std::move(status);
  if (!ended_) drop_unread();
  unprocessed_ = !id_.is_valid();
  end_stream();
  changed_.notify_all();
}

void ExchangeState::on_timer(LocalTime) { fail(deadline_passed()); }

Task<void> ExchangeState::wait() {
  const auto context = co_await internal::current_context();
  // Its own fires by itself.
  const LocalTime deadline = context.call != nullptr ? context.call->deadline() : kNever;
  const WaitResult result = co_await changed_.wait(deadline);
  if (result == WaitResult::kDeadline) {
    fail(deadline_passed());
  } else if (result == WaitResult::kCancelled) {
    fail(Status(StatusCode::kCancelled, "the call was cancelled"));
  }
}

void ExchangeState::drop_unread() {
  const std::size_t bytes = unread_.take().size();
  if (connection_ != nullptr) connection_->consume(id_, bytes);
}

// Resets the stream, unless everything on it is on its way.
void ExchangeState::end_stream() {
  if (connection_ == nullptr) return;
  if (!id_.is_valid()) return connection_->give_up_waiting(*this);
  if (stream_closed_) return;
  http3::Http3Connection& http = connection_->http();
  if (ended_ && finished_ && http.unsent_bytes(id_) == 0) return;
  http.reset(id_, http3::Http3Error::kRequestCancelled);
  connection_->flush_soon();
}

// ---- The connection's side.

void ExchangeState::handle_opened(StreamId id) {
  id_ = id;
  http3::Http3Connection& http = connection_->http();
  if (!request_.body.empty()) http.write(id, std::exchange(request_.body, {}));
  if (finished_) http.finish(id, request_trailers_);
  changed_.notify_all();
}

void ExchangeState::handle_head(http3::Fields fields) {
  HttpHead head;
  head.status = status_of(fields);
  head.fields = std::move(fields);
  head.fields.drop_pseudo_headers();
  head_ = std::move(head);
  changed_.notify_all();
}

void ExchangeState::handle_body(BytesView data) {
  if (error_) {
    connection_->consume(id_, data.size());
    return;
  }
  unread_.append(data);
  changed_.notify_all();
}

void ExchangeState::handle_trailers(http3::Fields trailers) { trailers_ = std::move(trailers); }

void ExchangeState::handle_end() {
  ended_ = true;
  changed_.notify_all();
}

void ExchangeState::handle_reset(std::uint64_t code) {
  if (error_ || ended_) return;
  error_ = reset_status(code);
  unprocessed_ = code == static_cast<std::uint64_t>(http3::Http3Error::kRequestRejected);
  end_stream();
  changed_.notify_all();
}

void ExchangeState::handle_stop_sending(std::uint64_t code) {
  std::string text = "the server wants no more of the request's body";
  if (code != 0) text += " (" + http3_error_name(code) + ")";
  unwanted_ = Status(StatusCode::kAborted, std::move(text));
  changed_.notify_all();
}

void ExchangeState::handle_stream_closed() {
  stream_closed_ = true;
  if (!ended_ && !error_) {
    error_ = Status(StatusCode::kInternal, "the stream ended before the response did");
  }
  changed_.notify_all();
}

void ExchangeState::handle_lost(const Status& status, bool unprocessed) {
  connection_ = nullptr;
  if (!is_over()) {
    error_ = status;
    unprocessed_ = unprocessed;
  }
  changed_.notify_all();
}

}  // namespace echostream::gateway
