#include "runtime/core/session/session.h"

#include <algorithm>
#include <utility>

#include "runtime/core/frame/clock_report.h"

namespace echostream::core {
namespace {

// Calls of a peer that wait for the end of its handshake. A peer that knows which methods are
// idempotent sends none.
constexpr std::size_t kMostHeldCalls = 16;

// What a peer makes us hold that the program has not let in, in place of
// Limits::max_session_bytes.
constexpr std::size_t kMostHeldBytes = 4 * 1024 * 1024;

// "No limit" is written as the largest number there is; sums of limits must not wrap.
Limits within_varints(Limits limits) {
  for (std::uint64_t* limit :
       {&limits.max_message_bytes, &limits.max_metadata_bytes, &limits.max_subscriptions}) {
    *limit = std::min(*limit, kMaxVarint);
  }
  return limits;
}

}  // namespace

Session::Session(Executor& executor, TransportPort& transport, SessionObserver& observer,
                 const Limits& limits, std::uint64_t grease)
    : executor_(executor),
      transport_(transport),
      observer_(observer),
      limits_(within_varints(limits)),
      grease_(grease),
      budget_(limits_.max_session_bytes),
      peer_streams_(transport, limits_, budget_, static_cast<PeerStreams::Sink&>(*this)),
      orphans_(limits_, budget_),
      events_(transport, limits_),
      clock_(executor, transport, grease),
      // Four looks a timeout, so that it is overdrawn by a quarter at most.
      stall_watch_(executor, limits_.stalled_peer_timeout / 4,
                   [this](LocalTime now) { return check_stalled_calls(now); }) {}

Session::~Session() = default;

// ---- Opening and closing.

void Session::handle_connected() {
  connected_ = true;
  const bool was_held = std::exchange(is_held_, false);
  budget_.set_most(limits_.max_session_bytes);
  auto control = transport_.open_unidirectional();
  if (!control) {
    close(WireError::kProtocol, "the peer allows no unidirectional streams");
    return;
  }
  control_ = *control;
  transport_.set_priority(control_, 0);
  ByteWriter type;
  type.write_varint(static_cast<std::uint64_t>(StreamType::kControl));
  transport_.write(control_, type.to_buffer(), false);
  const SettingsFrame settings{limits_.max_message_bytes, limits_.max_metadata_bytes,
                               limits_.max_subscriptions};
  ByteWriter payload;
  write_settings(payload, settings, grease_);
  send_control(FrameType::kSettings, payload.bytes());
  // A frame of a reserved type, so that ignoring unknown ones stays exercised (RFC 8701).
  send_control(static_cast<FrameType>(reserved_number(grease_ % 50)), {});
  if (draining_) send_control(FrameType::kGoaway, {});
  if (wants_clock_) clock_.start();
  if (std::exchange(early_data_allowed_, false)) {
    for (auto& [id, call] : calls_) call->handle_early_data_accepted();
  }
  begin_held_calls();
  open_waiting();
  if (was_held) resume_events();
}

void Session::hold_peer() {
  is_held_ = true;
  budget_.set_most(std::min(limits_.max_session_bytes, kMostHeldBytes));
}

void Session::handle_early_data_rejected() {
  early_data_allowed_ = false;
  std::map<StreamId, std::unique_ptr<CallStream>> again;  // in the order in which they were made
  for (auto& [id, call] : std::exchange(calls_, {})) again.emplace(id, std::move(call));
  std::list<std::unique_ptr<CallStream>> waiting;
  for (auto& [id, call] : again) {
    call->handle_early_data_rejected();
    if (call->is_released() || call->end()) {
      keep_until_released(std::move(call));
    } else {
      waiting.push_back(std::move(call));
    }
  }
  // Behind them the calls that could not go out as early data.
  waiting.splice(waiting.end(), waiting_);
  waiting_ = std::move(waiting);
}

void Session::start_clock() {
  wants_clock_ = true;
  if (is_open()) clock_.start();
}

void Session::send_control(FrameType type, BytesView payload) {
  transport_.write(control_, make_frame(type, payload), false);
}

void Session::send_clock_report(const timing::NodeClockReport& report) {
  if (!is_open() || is_over() || transport_.unsent_bytes(control_) > 0) return;
  ByteWriter payload;
  write_clock_report(payload, report);
  send_control(FrameType::kClockReport, payload.bytes());
}

void Session::drain() {
  if (std::exchange(draining_, true) || !is_open() || !control_.is_valid()) return;
  send_control(FrameType::kGoaway, {});
}

void Session::on_settings(const SettingsFrame& settings) {
  peer_settings_ = settings;
  has_peer_settings_ = true;
  observer_.on_peer_settings();
}

void Session::on_goaway() {
  if (!std::exchange(peer_draining_, true)) observer_.on_peer_draining();
}

void Session::handle_closed(const Status& status) {
  if (std::exchange(closed_, true)) return;
  close_status_ = status;
  clock_.stop();
  stall_watch_.stop();
  frame_streams_ = {};
  busy_senders_.clear();
  orphans_.clear();
  released_waiting_ = 0;
  held_requests_.set(0);
  for (const HeldCall& held : std::exchange(held_calls_, {})) {
    if (CallStream* call = find_call(held.id)) call->release();  // nobody else knows it
  }
  for (auto& call : std::exchange(waiting_, {})) {
    call->handle_session_closed(status);
    keep_until_released(std::move(call));
  }
  for (auto& [id, call] : std::exchange(calls_, {})) {
    call->handle_session_closed(status);
    keep_until_released(std::move(call));
  }
  observer_.on_events_writable();
}

void Session::fail(const Status& error) {
  const bool is_limit = error.code() == StatusCode::kResourceExhausted;
  close(is_limit ? WireError::kLimit : WireError::kProtocol, std::string(error.message()));
}

void Session::close(WireError code, std::string reason) {
  if (!std::exchange(closing_, true)) transport_.close(code, std::move(reason));
}

// ---- Our calls.

Status Session::check_can_call(const Metadata& metadata, bool for_handler) const {
  if (!transport_.peer_serves()) {
    return {StatusCode::kUnimplemented, "the peer is an HTTP client, which serves nothing"};
  }
  if (closed_) return close_status_.with_context("the session is closed");
  if (draining_ && !for_handler) return {StatusCode::kUnavailable, "this node is shutting down"};
  if (peer_draining_) return {StatusCode::kUnavailable, "the peer is shutting down"};
  return check_metadata(metadata, peer_settings_.max_metadata_bytes);
}

CallEnvironment Session::call_environment() {
  return {executor_, transport_, limits_, peer_settings_, frame_streams_, budget_};
}

bool Session::is_quiet() const {
  const auto is_done = [this](const auto& entry) {
    const CallStream& call = *entry.second;
    if (call.is_subscription()) return transport_.unsent_bytes(entry.first) == 0;
    return call.is_stream_closed();
  };
  return waiting_.empty() && events_.all_sent() &&
         std::all_of(calls_.begin(), calls_.end(), is_done);
}

Result<CallStream*> Session::start_call(const MethodInfo& method, const RequestFrame& request,
                                        bool for_handler) {
  if (Status status = check_can_call(request.metadata, for_handler); !status.is_ok()) {
    return status;
  }
  auto call = std::make_unique<CallStream>(call_environment(), *this, CallStream::Role::kCaller,
                                           StreamId{});
  CallStream& started = *call;
  open_waiting();
  auto stream = open_stream_for(method);
  const std::size_t waiting = waiting_.size() - released_waiting_;
  if (!stream && waiting >= limits_.max_waiting_calls) {
    return Status(StatusCode::kResourceExhausted,
                  std::to_string(waiting) + " calls wait already for the peer's permission");
  }
  started.set_method(method);
  ++live_calls_;
  ++stats_.calls_started;
  if (stream) {
    if (!connected_) started.expect_early_data_decision();
    open_call(std::move(call), *stream);
  } else {
    waiting_.push_back(std::move(call));
  }
  started.send_request(request);
  return &started;
}

Result<StreamId> Session::open_stream_for(const MethodInfo& method) {
  // An attacker may send a copy of early data, as often as there are servers that take it.
  const bool is_early =
      early_data_allowed_ && !is_over() && method.kind == MethodKind::kRpc && method.idempotent;
  if (is_early || (is_open() && waiting_.empty())) return transport_.open_bidirectional();
  return Status(StatusCode::kUnavailable, "others wait before it, or the session is not open yet");
}

void Session::open_call(std::unique_ptr<CallStream> call, StreamId id) {
  CallStream& opened = *call;
  calls_.emplace(id, std::move(call));
  opened.open(id);
}

void Session::open_waiting() {
  while (!waiting_.empty() && is_open()) {
    CallStream& first = *waiting_.front();
    if (!first.is_released() && !first.end()) {
      auto stream = transport_.open_bidirectional();
      if (!stream) return;
      std::unique_ptr<CallStream> call = std::move(waiting_.front());
      waiting_.pop_front();
      open_call(std::move(call), *stream);
      continue;
    }
    // Cancelled while it waited: the peer need not know.
    if (first.is_released()) --released_waiting_;
    keep_until_released(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void Session::handle_streams_available(LocalTime now) {
  if (is_over()) return;
  open_waiting();
  // Those that still cannot send put themselves back, in the same order.
  for (FrameSender* sender : std::exchange(frame_streams_.waiting, {})) {
    sender->handle_progress(now);
  }
}

// The API let go. The entry stays until the connection reports the stream closed, so that what
// still arrives is not taken for a new call.
void Session::handle_released(CallStream& call) {
  --live_calls_;
  if (closed_calls_.erase(&call) > 0) return;
  if (call.id().is_valid()) {
    if (call.is_stream_closed()) forget_call(call.id());
    return;
  }
  // Taking each out of the middle of the queue would cost too much when many give up at once.
  if (++released_waiting_ <= waiting_.size() / 2) return;
  released_waiting_ = 0;
  std::erase_if(waiting_, [](const auto& waiting) { return waiting->is_released(); });
}

void Session::keep_until_released(std::unique_ptr<CallStream> call) {
  if (call->is_released()) return;
  if (!call->has_handle()) {
    --live_calls_;
    return;
  }
  CallStream* key = call.get();
  closed_calls_.emplace(key, std::move(call));
}

// ---- The peer's calls.

void Session::handle_stream_data(LocalTime now, StreamId id, BytesView data, bool fin) {
  if (is_over()) return;
  if (!id.is_bidirectional()) {
    if (!connected_ && !is_held_) {
      close(WireError::kProtocol, "the peer sent early data that is not a call");
      return;
    }
    if (Status status = peer_streams_.handle_data(now, id, data, fin); !status.is_ok()) {
      fail(status);
    }
    return;
  }
  CallStream* call = find_call(id);
  if (call == nullptr && is_ours(id)) {
    transport_.consume(id, data.size());  // of a call that is over
    return;
  }
  if (call == nullptr) call = &accept_call(id);
  call->handle_data(now, data, fin);
}

void Session::handle_whole_call(LocalTime now, StreamId id, RequestFrame request, Buffer message) {
  if (is_over()) return;
  accept_call(id).handle_whole(now, std::move(request), std::move(message));
}

CallStream* Session::find_call(StreamId id) {
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second.get();
}

CallStream& Session::accept_call(StreamId id) {
  auto call =
      std::make_unique<CallStream>(call_environment(), *this, CallStream::Role::kResponder, id);
  ++live_calls_;
  last_peer_call_ = std::max(last_peer_call_, id);
  return *calls_.emplace(id, std::move(call)).first->second;
}

void Session::handle_request(CallStream& call, RequestFrame request) {
  ++stats_.calls_received;
  if (request.metadata.byte_size() > limits_.max_metadata_bytes) {
    call.send_status(
        {Status(StatusCode::kResourceExhausted, "the metadata is over the size limit"), {}});
    call.release();
    return;
  }
  if (draining_) {
    // Not a status, which could be a handler's: only this says that nobody looked at the call.
    call.cancel(WireError::kRefused);
    call.release();
    return;
  }
  if (connected_ || (!is_held_ && observer_.may_run_early(request))) {
    begin_call(call, std::move(request));
  } else if (can_hold(request)) {
    held_requests_.set(held_requests_.bytes() + request.metadata.byte_size());
    held_calls_.push_back({call.id(), std::move(request)});
  } else {
    call.send_status(
        {Status(StatusCode::kResourceExhausted, "too many calls before the session was open"), {}});
    call.release();
  }
}

bool Session::can_hold(const RequestFrame& request) const {
  const std::size_t most = is_held_ ? limits_.max_running_handlers : kMostHeldCalls;
  return held_calls_.size() < most && budget_.has_room_for(request.metadata.byte_size());
}

// The handshake is complete, the peer is let in: what was held came from it, and once.
void Session::begin_held_calls() {
  held_requests_.set(0);
  for (HeldCall& held : std::exchange(held_calls_, {})) {
    CallStream* call = find_call(held.id);
    if (call == nullptr) continue;
    if (call->end()) {
      call->release();  // given up meanwhile
    } else {
      begin_call(*call, std::move(held.request));
    }
  }
}

void Session::begin_call(CallStream& call, RequestFrame request) {
  observer_.on_incoming_call(call, std::move(request));
  while (auto orphan = orphans_.take(call.id())) {
    if (orphan->datagram) {
      call.handle_datagram(orphan->arrived_at, *orphan->datagram, orphan->message);
    } else {
      call.handle_frame(orphan->arrived_at, orphan->header, std::move(orphan->message));
    }
  }
}

void Session::handle_stream_reset(LocalTime now, StreamId id, std::uint64_t code) {
  if (is_over()) return;
  if (!id.is_bidirectional()) {
    if (Status status = peer_streams_.handle_reset(id); !status.is_ok()) fail(status);
    return;
  }
  if (CallStream* call = find_call(id)) {
    call->handle_reset(now, static_cast<WireError>(code));
    return;
  }
  if (is_ours(id)) return;
  // Given up before it said anything; our side of it has to end too.
  last_peer_call_ = std::max(last_peer_call_, id);
  orphans_.drop(id);
  count_cancelled(now);
  transport_.reset(id, WireError::kCancelled);
}

void Session::handle_stop_sending(LocalTime now, StreamId id, std::uint64_t code) {
  if (is_over()) return;
  if (CallStream* call = find_call(id)) {
    call->handle_stop_sending(now, static_cast<WireError>(code));
  } else if (id == control_) {
    close(WireError::kProtocol, "the peer refused the control stream");
  } else if (events_.handle_stop_sending(id)) {
    observer_.on_events_writable();
  } else if (id.is_bidirectional() && !is_ours(id)) {
    // It wants no answer, but may still send the request.
    accept_call(id).handle_stop_sending(now, static_cast<WireError>(code));
  }
}

void Session::handle_stream_drained(LocalTime, StreamId id) {
  if (is_over()) return;
  if (CallStream* call = find_call(id)) {
    call->handle_drained();
  } else {
    observer_.on_events_writable();
  }
}

void Session::handle_stream_closed(StreamId id) {
  peer_streams_.handle_closed(id);
  if (auto sender = frame_streams_.senders.extract(id)) sender.mapped()->handle_stream_closed(id);
  forget_idle_senders();
  orphans_.drop(id);
  CallStream* call = find_call(id);
  if (call == nullptr) return;
  call->handle_stream_closed();
  if (call->is_released() || !call->has_handle()) forget_call(id);
}

void Session::forget_call(StreamId id) {
  std::unique_ptr<CallStream> call = std::move(calls_.extract(id).mapped());
  if (!call->is_released()) --live_calls_;
  if (auto sender = call->take_busy_sender()) busy_senders_.push_back(std::move(sender));
  if (calls_.empty()) stall_watch_.stop();
}

void Session::forget_idle_senders() {
  std::erase_if(busy_senders_, [](const auto& sender) { return sender->is_idle(); });
}

// Opening calls only to cancel them costs us more than it costs the peer (CVE-2023-44487).
void Session::count_cancelled(LocalTime now) {
  if (now >= cancel_window_end_) {
    cancel_window_end_ = now + std::chrono::seconds(1);
    cancelled_in_window_ = 0;
  }
  if (++cancelled_in_window_ > limits_.max_cancelled_calls_per_second) {
    close(WireError::kLimit, "too many calls cancelled");
  }
}

// ---- Frames beside the calls' streams.

void Session::on_frame_stream(LocalTime now, StreamId id, const FrameHeader& header,
                              Buffer message) {
  CallStream* call = find_call(id);
  if (call != nullptr && call->has_handle()) {
    call->handle_frame(now, header, std::move(message));
    return;
  }
  // Its request may still be under way. A call of ours that is not known is over.
  if (!is_ours(id)) orphans_.add(id, {header, std::move(message), now});
}

void Session::handle_datagram(LocalTime now, BytesView data) {
  // A datagram that came as early data may be a copy, and nobody relies on its arrival.
  if (!is_over() && (!connected_ || !handle_typed_datagram(now, data))) ++stats_.datagrams_dropped;
}

// False: it means nothing, or nobody wants it.
bool Session::handle_typed_datagram(LocalTime now, BytesView data) {
  const auto type = datagram_type(data);
  if (!type) return false;
  switch (*type) {
    case DatagramType::kWhole:
    case DatagramType::kFragment:
      return handle_frame_datagram(now, data);
    case DatagramType::kClockRequest:
      return clock_.handle_request(now, data);
    case DatagramType::kClockReply:
      if (!clock_.handle_reply(now, data)) return false;
      observer_.on_clock_updated();
      return true;
    case DatagramType::kReport:
      return handle_report(now, data);
  }
  return false;
}

bool Session::handle_report(LocalTime now, BytesView data) {
  const auto report = read_report(data);
  if (!report) return false;
  CallStream* call = find_call(StreamId{static_cast<std::int64_t>(report->call_id)});
  if (call == nullptr || !call->has_handle()) return false;
  call->handle_report(now, *report);
  return true;
}

bool Session::handle_frame_datagram(LocalTime now, BytesView data) {
  ByteReader reader(data);
  const std::optional<DatagramHeader> header = read_datagram_header(reader);
  if (!header) return false;
  const StreamId id{static_cast<std::int64_t>(header->call_id)};
  CallStream* call = find_call(id);
  if (call != nullptr && call->has_handle()) {
    call->handle_datagram(now, *header, reader.rest());
    return true;
  }
  if (!may_still_come(id)) return false;
  orphans_.add(id, {header->frame, Buffer::copy(reader.rest()), now, header});
  return true;
}

// A call of the peer's whose request is not here yet: later than every other, or not complete.
bool Session::may_still_come(StreamId id) {
  if (is_ours(id) || !id.is_bidirectional()) return false;
  return find_call(id) != nullptr || id > last_peer_call_;
}

// The names come from our own methods: there are no more groups than the IDL has.
timing::SyncGroup& Session::sync_group(std::string_view name) {
  const auto found = sync_groups_.find(name);
  if (found != sync_groups_.end()) return found->second;
  return sync_groups_.try_emplace(std::string(name)).first->second;
}

const timing::SyncGroup* Session::find_sync_group(std::string_view name) const {
  const auto found = sync_groups_.find(name);
  return found == sync_groups_.end() ? nullptr : &found->second;
}

// ---- Events.

Status Session::emit(const MethodInfo& method, const Metadata& metadata, const Buffer& message,
                     bool for_handler) {
  if (Status status = check_can_call(metadata, for_handler); !status.is_ok()) return status;
  if (!connected_) return {StatusCode::kUnavailable, "the session is not connected yet"};
  if (message.size() > peer_settings_.max_message_bytes) {
    return {StatusCode::kResourceExhausted, "the event has " + std::to_string(message.size()) +
                                                " bytes, the peer takes at most " +
                                                std::to_string(peer_settings_.max_message_bytes)};
  }
  Status status = events_.send(executor_.now(), method, metadata, message);
  if (status.is_ok()) ++stats_.events_sent;
  return status;
}

bool Session::events_writable(Priority priority) const {
  return closed_ || (connected_ && events_.is_writable(priority));
}

void Session::on_event(EventHeader header, Buffer message) {
  ++stats_.events_received;
  observer_.on_incoming_event(std::move(header), std::move(message));
}

void Session::resume_events() {
  if (is_over()) return;
  if (Status status = peer_streams_.resume_events(); !status.is_ok()) fail(status);
}

}  // namespace echostream::core
