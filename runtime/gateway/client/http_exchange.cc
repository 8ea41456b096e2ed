#include "runtime/gateway/client/http_exchange.h"

#include <utility>

#include "runtime/gateway/client/exchange_state.h"
#include "runtime/gateway/client/request_check.h"

namespace echostream::gateway {
namespace {

using State = std::shared_ptr<ExchangeState>;

// They hold the state: the exchange may be destroyed while they wait.

Task<Result<HttpHead>> wait_for_head(State state) {
  for (;;) {
    if (state->head()) co_return *state->head();
    if (state->error()) co_return *state->error();
    co_await state->wait();
  }
}

Task<Result<std::optional<Buffer>>> wait_for_body(State state) {
  for (;;) {
    if (state->has_body()) co_return std::optional<Buffer>(state->take_body());
    if (state->has_ended()) co_return std::optional<Buffer>();
    if (state->error()) co_return *state->error();
    co_await state->wait();
  }
}

Task<Status> wait_and_write(State state, Buffer bytes) {
  for (;;) {
    Status status = state->write_status();
    if (!status.is_ok()) co_return status;
    if (state->may_write()) break;
    co_await state->wait();
  }
  state->write(std::move(bytes));
  co_return Status::ok();
}

void cancel_exchange(ExchangeState& state) {
  state.fail(Status(StatusCode::kCancelled, "the exchange was cancelled"));
}

}  // namespace

HttpExchange::HttpExchange(std::shared_ptr<ExchangeState> state) noexcept
    : state_(std::move(state)) {}

HttpExchange::~HttpExchange() {
  if (state_) cancel_exchange(*state_);
}

HttpExchange::HttpExchange(HttpExchange&&) noexcept = default;

HttpExchange& HttpExchange::operator=(HttpExchange&& other) noexcept {
  if (this == &other) return *this;
  if (state_) cancel_exchange(*state_);
  state_ = std::move(other.state_);
  return *this;
}

Task<Result<HttpHead>> HttpExchange::head() { return wait_for_head(state_); }
Task<Result<std::optional<Buffer>>> HttpExchange::read() { return wait_for_body(state_); }
const http3::Fields& HttpExchange::trailers() const { return state_->trailers(); }

Task<Status> HttpExchange::write(Buffer bytes) { return wait_and_write(state_, std::move(bytes)); }

Status HttpExchange::finish(http3::Fields trailers) {
  if (Status status = check_fields(trailers); !status.is_ok()) return status;
  if (Status status = state_->write_status(); !status.is_ok()) return status;
  state_->finish(std::move(trailers));
  return Status::ok();
}

void HttpExchange::cancel() { cancel_exchange(*state_); }
bool HttpExchange::is_unprocessed() const { return state_->is_unprocessed(); }

}  // namespace echostream::gateway
