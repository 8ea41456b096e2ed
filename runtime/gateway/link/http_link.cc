#include "runtime/gateway/link/http_link.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/api/session_state.h"
#include "runtime/gateway/console/console_pages.h"
#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/refusal.h"
#include "runtime/gateway/protocol/status_codes.h"

namespace echostream::gateway {
namespace {

http3::Http3Error to_http(core::WireError code) {
  switch (code) {
    case core::WireError::kNone:
      return http3::Http3Error::kNoError;
    case core::WireError::kProtocol:
      return http3::Http3Error::kGeneralProtocolError;
    case core::WireError::kLimit:
      return http3::Http3Error::kExcessiveLoad;
    case core::WireError::kRefused:
      return http3::Http3Error::kRequestRejected;
    case core::WireError::kInternal:
      return http3::Http3Error::kInternalError;
    default:
      return http3::Http3Error::kRequestCancelled;
  }
}

// How long a client that was refused may ask why.
constexpr Duration kFarewellTime = std::chrono::seconds(1);

// RFC 8470 5.2: the client sends it again after the handshake.
ResponsePart too_early() {
  ResponsePart part;
  part.head.add(":status", "425");
  part.is_end = true;
  return part;
}

// Beside the call's stream, where early data must not be (docs/protocol.md 2.1).
bool travels_beside(const MethodInfo& method) {
  return method.kind == MethodKind::kEvent ||
         (method.client_streaming && method.delivery != Delivery::kReliable);
}

// In the request's own protocol, so that its client can tell why.
ResponsePart refuse_stream(const RequestHead& request, const GatewayRules& rules,
                           const std::string& origin) {
  return make_response(request, rules, origin)
      ->end(Status(StatusCode::kUnimplemented,
                   "over TCP this node serves unary calls of Connect only; streams, subscriptions "
                   "and gRPC need HTTP/3, at the port that \"alt-svc\" names"),
            {});
}

}  // namespace

HttpLink::HttpLink(HttpGateway& gateway, Carries carries)
    : gateway_(gateway),
      carries_(carries),
      budget_(gateway.node().options.limits.max_session_bytes),
      reader_(gateway.rules()),
      slow_requests_(gateway.node().executor, gateway.options().body_timeout / 4,
                     [this](LocalTime now) { return check_slow_requests(now); }) {}

// The node goes, and the gateway with it; the session may stay as long as somebody holds it.
void HttpLink::detach() { forget_all(); }

void HttpLink::forget_all() {
  slow_requests_.stop();
  farewell_.reset();
  heads_.clear();
  last_call_ = nullptr;
  calls_.clear();
  own_streams_.clear();
}

core::Session& HttpLink::engine() { return session_->engine(); }

LocalTime HttpLink::now() const { return gateway_.node().executor.now(); }

HttpCall* HttpLink::find(StreamId id) {
  if (last_call_ != nullptr && last_found_ == id) return last_call_;
  const auto found = calls_.find(id);
  if (found == calls_.end()) return nullptr;
  last_found_ = id;
  return last_call_ = &found->second;
}

// ---- From the client.

void HttpLink::on_open(LocalTime now) {
  is_open_ = true;
  if (session_ == nullptr) return;
  session_->handle_connected();
  open_control_stream(now);
  flush_soon();
}

void HttpLink::on_head_begun(LocalTime now, StreamId id) {
  heads_.try_emplace(id, now);
  slow_requests_.start();
}

void HttpLink::on_head(LocalTime now, StreamId id, http3::Fields head, bool) {
  if (carries_ != Carries::kUnaryCalls) look_soon();  // what answers it will be written there
  heads_.erase(id);
  if (session_ == nullptr) return;
  if (gateway_.options().console) {
    if (auto page = console_page(head)) return answer_page(id, head, *std::move(page));
  }
  auto read = reader_.read(head);
  if (auto* answered = std::get_if<ResponsePart>(&read)) return answer(id, std::move(*answered));
  const auto& request = std::get<std::shared_ptr<const RequestHead>>(read);
  const std::string origin(head.get("origin"));
  if (!refusal_.is_ok()) {
    return answer(id, make_response(*request, gateway_.rules(), origin)->end(refusal_, {}));
  }
  const MethodInfo* method = gateway_.find(request->method);
  if (method == nullptr) {
    const Status why = gateway_.unknown(request->method);
    return answer(id, refuse_unknown_method(*request, why, gateway_.rules(), origin));
  }
  if (auto refused = refuse_method(*request, *method, gateway_.rules(), origin)) {
    return answer(id, *std::move(refused));
  }
  if (carries_ == Carries::kUnaryCalls && !is_unary(request->protocol)) {
    return answer(id, refuse_stream(*request, gateway_.rules(), origin));
  }
  if (!is_open_ && travels_beside(*method)) return answer(id, too_early());
  HttpCall::Host& host = *this;
  HttpCall& call = calls_.try_emplace(id, host, id, request, *method, origin).first->second;
  call.start(now);
  slow_requests_.start();
  flush_soon();
}

void HttpLink::answer_page(StreamId id, const http3::Fields& head, ResponsePart page) {
  if (auto refused = refuse_host(head, gateway_.rules())) return answer(id, *std::move(refused));
  if (refusal_.is_ok()) return answer(id, std::move(page));
  answer(id, refuse(http_status_of(refusal_.code()), refusal_));
}

// A response to a request that never becomes a call.
void HttpLink::answer(StreamId id, ResponsePart part) {
  const bool ends = part.body.empty() && part.trailers.empty();
  http_->respond(id, std::move(part.head), ends);
  if (!ends) {
    for (Buffer& bytes : part.body) http_->write(id, std::move(bytes));
    http_->finish(id, std::move(part.trailers));
  }
  http_->stop_reading(id, http3::Http3Error::kNoError);
  flush_soon();
}

void HttpLink::on_oversized_head(LocalTime, StreamId id) {
  heads_.erase(id);
  ResponsePart part;
  part.head.add(":status", "431");
  answer(id, std::move(part));
}

void HttpLink::on_body(LocalTime now, StreamId id, BytesView data) {
  HttpCall* call = find(id);
  if (call == nullptr || session_ == nullptr) return http_->consume(id, data.size());
  call->handle_body(now, data);
  flush_soon();
}

void HttpLink::on_end(LocalTime now, StreamId id) {
  HttpCall* call = find(id);
  if (call == nullptr || session_ == nullptr) return;
  call->handle_end(now);
  flush_soon();
}

void HttpLink::on_reset(LocalTime now, StreamId id, std::uint64_t) {
  heads_.erase(id);
  HttpCall* call = find(id);
  if (call != nullptr && session_ != nullptr) {
    call->handle_abandoned(now);
  } else {
    http_->reset(id, http3::Http3Error::kRequestCancelled);  // our side of it has to end too
  }
  flush_soon();
}

void HttpLink::on_stop_sending(LocalTime now, StreamId id, std::uint64_t code) {
  on_reset(now, id, code);
}

void HttpLink::on_stream_drained(LocalTime now, StreamId id) {
  if (HttpCall* call = find(id)) call->handle_drained(now);
  if (session_ != nullptr) engine().handle_stream_drained(now, id);
}

// Whatever waits there, for a call that goes on, that is over, or that never was one.
void HttpLink::on_stream_stalled(LocalTime, StreamId id) {
  if (HttpCall* call = find(id)) call->handle_stalled();
  http_->reset(id, http3::Http3Error::kExcessiveLoad);
  if (session_ != nullptr) engine().handle_stream_stalled(id);
  flush_soon();
}

void HttpLink::on_stream_closed(LocalTime, StreamId id) {
  heads_.erase(id);
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (last_found_ == id) last_call_ = nullptr;
  calls_.erase(found);
  if (session_ != nullptr) engine().handle_stream_closed(id);
}

void HttpLink::on_closed(LocalTime, const transport::CloseInfo& info) {
  handle_closed(info, session_);
  forget_all();
}

// A head, and a request of one message, are held until they are complete, so that they may not take
// for ever.
bool HttpLink::check_slow_requests(LocalTime now) {
  const Duration patience = gateway_.options().body_timeout;
  for (auto& [id, call] : calls_) {
    if (call.body_since() == kNever || now < deadline_after(call.body_since(), patience)) continue;
    call.fail(now, Status(StatusCode::kDeadlineExceeded,
                          "the request did not arrive within the time that this node gives it "
                          "(HttpOptions::body_timeout)"));
  }
  std::vector<StreamId> slow_heads;
  for (const auto& [id, since] : heads_) {
    if (now >= deadline_after(since, patience)) slow_heads.push_back(id);
  }
  for (const StreamId id : slow_heads) {
    heads_.erase(id);
    http_->reset(id, http3::Http3Error::kRequestIncomplete);
  }
  flush_soon();
  return !calls_.empty() || !heads_.empty();
}

// ---- From the engine.

Result<StreamId> HttpLink::open_bidirectional() {
  return Status(StatusCode::kUnimplemented, "the peer is an HTTP client, which serves nothing");
}

void HttpLink::write(StreamId id, Buffer bytes, bool fin) {
  if (const auto own = own_streams_.find(id); own != own_streams_.end()) {
    return write_own(id, own->second, std::move(bytes), fin);
  }
  HttpCall* call = find(id);
  if (call == nullptr) return;
  call->write(std::move(bytes));
  flush_soon();
}

void HttpLink::write_frame(StreamId id, core::FrameType type, BytesView payload, bool) {
  HttpCall* call = find(id);
  if (call == nullptr) return;
  call->write_frame(type, payload);
  flush_soon();
}

void HttpLink::write_message(StreamId id, const Buffer& message, bool) {
  HttpCall* call = find(id);
  if (call == nullptr) return;
  call->write_message(message);
  flush_soon();
}

void HttpLink::write_status(StreamId id, const core::StatusFrame& status) {
  HttpCall* call = find(id);
  if (call == nullptr) return;
  call->write_status(status);
  flush_soon();
}

std::size_t HttpLink::unsent_bytes(StreamId id) const {
  return id.is_bidirectional() ? http_->unsent_bytes(id) : 0;
}

void HttpLink::notify_when_drained(StreamId id, std::size_t low_water_bytes) {
  if (id.is_bidirectional()) return http_->notify_when_drained(id, low_water_bytes);
  drained_own_streams_.push_back(id);
  look_soon();
}

void HttpLink::reset(StreamId id, core::WireError code) {
  if (const auto own = own_streams_.find(id); own != own_streams_.end()) {
    if (HttpCall* call = find(own->second.call)) call->give_up_frame(id);
    own_streams_.erase(own);
  } else if (HttpCall* call = find(id)) {
    call->reset(code);
  }
  flush_soon();
}

void HttpLink::read_on_later(StreamId id) {
  reading_on_.push_back(id);
  look_soon();
}

void HttpLink::stop_sending(StreamId id, core::WireError) {
  if (find(id) == nullptr) return;
  http_->stop_reading(id, http3::Http3Error::kNoError);
  flush_soon();
}

void HttpLink::consume(StreamId id, std::size_t bytes) {
  if (id == events_) unconsumed_events_ -= std::min(bytes, unconsumed_events_);
  if (HttpCall* call = find(id)) call->consumed(bytes);
  flush_soon();
}

void HttpLink::close(core::WireError code, std::string reason) {
  const auto refused = core::refusal_code(static_cast<std::uint64_t>(code));
  if (refused && is_open_) return refuse_client(Status(*refused, std::move(reason)));
  http_->close(to_http(code), std::move(reason));
  flush_soon();
}

// A plugin has refused the session. HTTP has no words for that but the answers to requests, and the
// first may be on its way still.
void HttpLink::refuse_client(Status why) {
  refusal_ = std::move(why);
  for (auto& [id, call] : calls_) call.fail(now(), refusal_);
  http_->announce_shutdown();
  farewell_ = std::make_unique<core::StallWatch>(
      gateway_.node().executor, kFarewellTime, [this](LocalTime) {
        http_->close(http3::Http3Error::kNoError, std::string(refusal_.message()));
        flush_soon();
        return false;
      });
  farewell_->start();
  flush_soon();
}

void HttpLink::refuse_requests() {
  if (std::exchange(is_draining_, true)) return;
  http_->announce_shutdown();
  http_->refuse_requests();
  flush_soon();
}

}  // namespace echostream::gateway
