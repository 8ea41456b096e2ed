#include "runtime/http1/http1_connection.h"

#include <algorithm>
#include <utility>

#include "runtime/http1/response_head.h"

namespace echostream::http1 {
namespace {

// Bytes of a body that may wait for the owner, as of a stream of HTTP/3.
constexpr std::size_t kBodyWindowBytes = 64 * 1024;
// Of the next requests, before this one is answered. Reading on tells when the client leaves.
constexpr std::size_t kMostUnreadBytes = 16 * 1024;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

transport::CloseInfo closed_by_peer() {
  transport::CloseInfo info;
  info.status = Status(StatusCode::kUnavailable, "the peer closed the connection");
  info.by_peer = true;
  return info;
}

transport::CloseInfo closed_by_us(std::string reason) {
  transport::CloseInfo info;
  info.status = Status(StatusCode::kUnavailable, std::move(reason));
  return info;
}

}  // namespace

Http1Connection::Http1Connection(Http1Options options, http3::Http3Sink& sink)
    : options_(std::move(options)), sink_(sink), parser_(options_.max_head_bytes, *this) {}

// ---- From the byte stream.

void Http1Connection::handle_open(LocalTime now) {
  idle_since_ = now;
  sink_.on_open(now);
}

void Http1Connection::handle_bytes(LocalTime now, BytesView bytes) {
  now_ = now;
  if (unread_.empty()) return parse(bytes);
  unread_.insert(unread_.end(), bytes.begin(), bytes.end());
  const std::vector<std::uint8_t> all = std::exchange(unread_, std::vector<std::uint8_t>());
  parse(all);
}

// Up to the end of a request; the next one waits until this one is answered.
void Http1Connection::parse(BytesView bytes) {
  while (!bytes.empty() && !is_closing_ && (!exchange_ || !exchange_->has_come)) {
    if (!exchange_) {
      // An empty line or two before a request is somebody's mistake (RFC 9112 2.2).
      if (bytes.front() == '\r' || bytes.front() == '\n') {
        bytes = bytes.subspan(1);
        continue;
      }
      exchange_.emplace(StreamId{std::exchange(next_id_, next_id_ + 4)});
      sink_.on_head_begun(now_, exchange_->id);
    }
    if (exchange_->is_refused) return;
    bytes = bytes.subspan(parser_.feed(bytes));
    if (parser_.state() == RequestParser::State::kFailed) return refuse_malformed();
  }
  if (!is_closing_) unread_.assign(bytes.begin(), bytes.end());
}

void Http1Connection::on_request_head(RequestHead head) {
  Exchange& exchange = *exchange_;
  exchange.is_head = head.fields.get(":method") == "HEAD";
  exchange.is_http_1_0 = head.is_http_1_0;
  exchange.keeps_alive = head.keeps_alive;
  exchange.is_told = true;
  sink_.on_head(now_, exchange.id, std::move(head.fields), false);
  // Who is refused need not send its body.
  const bool is_wanted = !exchange.is_answered && !exchange.is_unwanted && !is_closing_;
  if (head.expects_continue && head.has_body && is_wanted) {
    output_.push_back(Buffer::copy(kContinue));
  }
}

void Http1Connection::on_request_body(BytesView data) {
  if (exchange_->is_unwanted || is_closing_) return;
  exchange_->unconsumed_bytes += data.size();
  sink_.on_body(now_, exchange_->id, data);
}

void Http1Connection::on_request_end() {
  exchange_->has_come = true;
  sink_.on_end(now_, exchange_->id);
}

// What comes behind it cannot be told apart from it.
void Http1Connection::refuse_malformed() {
  Exchange& exchange = *exchange_;
  const RequestParser::Problem& problem = parser_.problem();
  if (problem.status == 431 && !exchange.is_told) {
    sink_.on_oversized_head(now_, exchange.id);
    if (exchange.is_answered) {
      exchange.is_refused = true;
      return;
    }
  }
  exchange.is_refused = true;
  if (!exchange.is_answered) answer(problem.status, problem.text);
  sink_.on_reset(now_, exchange.id, static_cast<std::uint64_t>(http3::Http3Error::kMessageError));
}

// In plain words: who sends such things may be a person who tries what happens.
void Http1Connection::answer(int status, std::string_view text) {
  Exchange& exchange = *exchange_;
  exchange.keeps_alive = false;
  exchange.head = {{":status", std::to_string(status)}};
  exchange.body.clear();
  if (!text.empty()) {
    exchange.head.add("content-type", "text/plain");
    exchange.body.push_back(Buffer::copy(std::string(text) + "\n"));
  }
  exchange.is_answered = true;
}

void Http1Connection::handle_end(LocalTime now) {
  now_ = now;
  has_ended_ = true;
  unread_.clear();
  if (is_closing_ || (exchange_ && exchange_->is_answered)) return;
  abort(closed_by_peer());
  if (!exchange_) return;
  sink_.on_reset(now, exchange_->id,
                 static_cast<std::uint64_t>(http3::Http3Error::kRequestCancelled));
}

void Http1Connection::handle_closed(LocalTime now, const transport::CloseInfo& info) {
  now_ = now;
  is_closing_ = true;
  output_.clear();
  drop_exchange();
  sink_.on_closed(now, info);
}

// ---- To the byte stream.

bool Http1Connection::wants_bytes() const {
  if (is_closing_ || has_ended_ || unread_.size() >= kMostUnreadBytes) return false;
  if (!exchange_) return true;
  return !exchange_->is_refused && exchange_->unconsumed_bytes < kBodyWindowBytes;
}

std::optional<Buffer> Http1Connection::poll_output(LocalTime now) {
  now_ = now;
  while (true) {
    if (is_aborted_) output_.clear();
    if (is_closing_ && exchange_ && !exchange_->is_written) drop_exchange();
    if (exchange_ && exchange_->is_answered && !exchange_->is_written) write_response();
    if (!output_.empty()) break;
    if (!exchange_ || !exchange_->is_written) return std::nullopt;
    end_exchange();
  }
  Buffer next = std::move(output_.front());
  output_.pop_front();
  if (exchange_ && exchange_->low_water_bytes && output_bytes() <= *exchange_->low_water_bytes) {
    exchange_->low_water_bytes.reset();
    sink_.on_stream_drained(now, exchange_->id);
  }
  return next;
}

void Http1Connection::write_response() {
  Exchange& exchange = *exchange_;
  exchange.is_written = true;
  exchange.keeps_alive =
      exchange.keeps_alive && exchange.has_come && !is_draining_ && !has_ended_ && !is_closing_;
  http3::Fields more;
  std::size_t length = 0;
  for (const Buffer& bytes : exchange.body) length += bytes.size();
  const bool is_bare = has_no_body(exchange.head.get(":status"));
  // A HEAD is told how long the answer to a GET would be, where that is known.
  if (exchange.is_head && exchange.head.has("content-length")) {
    more.add("content-length", exchange.head.get("content-length"));
  } else if (!is_bare && !exchange.is_head) {
    more.add("content-length", std::to_string(length));
  }
  if (!options_.alt_svc.empty()) more.add("alt-svc", options_.alt_svc);
  if (!exchange.keeps_alive) {
    more.add("connection", "close");
  } else if (exchange.is_http_1_0) {
    more.add("connection", "keep-alive");
  }
  output_.push_back(Buffer::copy(write_response_head(exchange.head, more)));
  if (is_bare || exchange.is_head) return;
  for (Buffer& bytes : exchange.body) {
    if (!bytes.empty()) output_.push_back(std::move(bytes));
  }
}

void Http1Connection::end_exchange() {
  const bool goes_on = exchange_->keeps_alive && !is_draining_ && !has_ended_ && !is_closing_;
  drop_exchange();
  if (!goes_on) return end(has_ended_ ? closed_by_peer() : closed_by_us("the connection is over"));
  idle_since_ = now_;
  parser_.start_next();
  const std::vector<std::uint8_t> bytes = std::exchange(unread_, std::vector<std::uint8_t>());
  parse(bytes);
}

void Http1Connection::drop_exchange() {
  if (!exchange_) return;
  const StreamId id = exchange_->id;
  exchange_.reset();
  sink_.on_stream_closed(now_, id);
}

void Http1Connection::end(transport::CloseInfo info) {
  if (std::exchange(is_closing_, true)) return;
  close_info_ = std::move(info);
  unread_.clear();
}

void Http1Connection::abort(transport::CloseInfo info) {
  is_aborted_ = true;
  end(std::move(info));
}

std::size_t Http1Connection::output_bytes() const {
  std::size_t total = 0;
  for (const Buffer& bytes : output_) total += bytes.size();
  return total;
}

// ---- From the owner.

Http1Connection::Exchange* Http1Connection::answerable(StreamId id) {
  const bool is_open = is_current(id) && !exchange_->is_answered && !exchange_->is_refused;
  return is_open ? &*exchange_ : nullptr;
}

void Http1Connection::respond(StreamId id, http3::Fields head, bool ends) {
  if (Exchange* exchange = answerable(id)) {
    exchange->head = std::move(head);
    exchange->is_answered = ends;
  }
}

void Http1Connection::write(StreamId id, Buffer bytes) {
  if (Exchange* exchange = answerable(id)) exchange->body.push_back(std::move(bytes));
}

void Http1Connection::finish(StreamId id, http3::Fields) {
  if (Exchange* exchange = answerable(id)) exchange->is_answered = true;
}

// A response that is not complete counts as handed on: it waits for the owner, not for the client.
std::size_t Http1Connection::unsent_bytes(StreamId id) const {
  return is_current(id) ? output_bytes() : 0;
}

void Http1Connection::notify_when_drained(StreamId id, std::size_t low_water_bytes) {
  if (is_current(id)) exchange_->low_water_bytes = low_water_bytes;
}

void Http1Connection::consume(StreamId id, std::size_t bytes) {
  if (is_current(id)) exchange_->unconsumed_bytes -= std::min(bytes, exchange_->unconsumed_bytes);
}

// Where nothing is said yet, HTTP/1.1 has a status for some of the reasons.
void Http1Connection::reset(StreamId id, http3::Http3Error code) {
  if (!is_current(id) || exchange_->is_refused) return;
  exchange_->is_unwanted = true;
  if (exchange_->is_answered) {
    if (!exchange_->is_written || !output_.empty()) abort(closed_by_us("a response was given up"));
    return;
  }
  exchange_->is_refused = true;
  if (code == http3::Http3Error::kRequestRejected) {
    answer(503, "the request was not acted upon; send it again later");
  } else if (code == http3::Http3Error::kRequestIncomplete) {
    answer(408, "the head of the request did not come in time");
  } else {
    abort(closed_by_us("a request was given up"));
  }
}

void Http1Connection::stop_reading(StreamId id, http3::Http3Error) {
  if (!is_current(id)) return;
  exchange_->is_unwanted = true;
  exchange_->unconsumed_bytes = 0;
}

void Http1Connection::refuse_requests() {
  is_draining_ = true;
  if (!exchange_) end(closed_by_us("this node is shutting down"));
}

void Http1Connection::close(http3::Http3Error, std::string reason) {
  if (exchange_ && !exchange_->is_written) is_aborted_ = true;
  end(closed_by_us(reason.empty() ? "the session was closed" : std::move(reason)));
}

}  // namespace echostream::http1
