#include "runtime/api/session_state.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "echostream/internal/server_call.h"

#include "runtime/api/call_state.h"
#include "runtime/api/plugin_host.h"
#include "runtime/api/server_chain.h"
#include "runtime/base/pooled_allocator.h"
#include "runtime/transport/printable.h"

namespace echostream::internal {

SessionState::SessionState(NodeContext& node, std::unique_ptr<Link> link, std::uint64_t grease)
    : node_(&node),
      node_is_alive_(node.alive),
      executor_(node.executor),
      limits_(node.options.limits),
      link_(std::move(link)),
      engine_(executor_, *link_, *this, limits_, grease) {}

SessionState::~SessionState() = default;

void SessionState::notify_changed() {
  changed_.notify_all();
  if (also_notify_ != nullptr) also_notify_->notify_all();
}

void SessionState::handle_connected() {
  if (!is_held_by_plugins()) {
    open();
    return;
  }
  engine_.hold_peer();
  opening_ = std::make_unique<TaskGroup>(executor_);
  opening_->spawn(ask_plugins());
}

bool SessionState::is_held_by_plugins() const {
  return node_ != nullptr && node_->plugins != nullptr && node_->plugins->holds_sessions();
}

// Ends with the session, and with the node.
Task<void> SessionState::ask_plugins() {
  const std::shared_ptr<SessionState> self = shared_from_this();
  Status verdict = co_await node_->plugins->open_session(Session(self));
  if (closed_) co_return;
  if (verdict.is_ok()) {
    open();
  } else {
    refuse(std::move(verdict));
  }
}

void SessionState::refuse(Status why) {
  const std::string message = transport::printable(why.message());
  const core::WireError code = core::session_refused(why.code());
  refusal_ = std::move(why);
  link_->close(code, message);
}

bool SessionState::passes_check() {
  if (!check_) return true;
  Status verdict = std::exchange(check_, nullptr)();
  if (verdict.is_ok()) return true;
  engine_.hold_peer();
  const core::WireError code = core::session_refused(verdict.code());
  refusal_ = std::move(verdict);
  link_->close(code, "this node does not take the session");
  return false;
}

void SessionState::open() {
  if (!passes_check()) return;
  if (node_ != nullptr &&
      (node_->options.synchronise_clocks || node_->options.shared_clock.has_value())) {
    engine_.start_clock();
  }
  opened_at_ = executor_.now();
  engine_.handle_connected();
  count_open();
  warn_of_unchecked_peer();
  notify_changed();
  events_writable_.notify_all();
  if (node_ != nullptr) report_open();
}

void SessionState::count_open() {
  if (node_ == nullptr) return;
  NodeStats& counts = node_->counts;
  ++counts.sessions_opened;
  if (link_->is_resumed()) ++counts.sessions_resumed;
  const std::optional<bool> early = link_->early_data_accepted();
  if (early) ++(*early ? counts.early_data_accepted : counts.early_data_rejected);
}

void SessionState::count_closed(bool was_open) {
  NodeStats& counts = node_->counts;
  const StatusCode code = close_status_.code();
  (was_open           ? counts.sessions_closed
   : refusal_.is_ok() ? counts.sessions_failed
                      : counts.sessions_refused)
      .add(code);
}

void SessionState::report_open() {
  if (node_->plugins != nullptr) {
    node_->deferrer.defer([self = shared_from_this()] {
      if (self->node() != nullptr) self->node()->plugins->session_open(Session(self));
    });
  }
  if (!node_->options.on_session) return;
  node_->deferrer.defer([node = node_, self = shared_from_this()] {
    if (self->node() == nullptr) return;
    const auto callback = node->options.on_session;  // a copy: it may destroy the node
    callback(Session(self));
  });
}

void SessionState::warn_of_unchecked_peer() const {
  const std::optional<PeerIdentity> peer = link_->peer_identity();
  if (node_ == nullptr || !peer || peer->verified_by() != Trust::Mode::kInsecure) return;
  node_->log(LogLevel::kWarning, "the session with " + link_->remote_address().to_string() +
                                     " is encrypted, but nobody has checked to whom "
                                     "(Trust::insecure_accept_any())");
}

void SessionState::handle_closed(const Status& status) {
  if (std::exchange(closed_, true)) return;
  close_status_ = refusal_.is_ok() ? status : refusal_;
  closed_at_ = executor_.now();
  const bool was_open = engine_.is_open();
  engine_.handle_closed(close_status_.is_ok()
                            ? Status(StatusCode::kUnavailable, "the session was closed")
                            : close_status_);
  notify_changed();
  events_writable_.notify_all();
  clock_updated_.notify_all();
  if (node_ == nullptr) return;
  count_closed(was_open);
  if (was_open) report_closed();
  // By itself: whatever the callback throws, the session is forgotten.
  node_->deferrer.defer([node = node_, self = shared_from_this()] {
    self->opening_.reset();  // from outside of its task
    if (self->node() != nullptr && node->forget) node->forget(*self);
  });
}

// In the reverse order of report_open().
void SessionState::report_closed() {
  if (node_->options.on_session_closed) {
    node_->deferrer.defer([node = node_, self = shared_from_this()] {
      if (self->node() == nullptr) return;
      const auto callback = node->options.on_session_closed;
      callback(Session(self), self->close_status());
    });
  }
  if (node_->plugins == nullptr) return;
  node_->deferrer.defer([self = shared_from_this()] {
    if (self->node() == nullptr) return;
    self->node()->plugins->session_closed(Session(self), self->close_status(), self->stats());
  });
}

Duration SessionState::farewell_time() const {
  // A GOAWAY that is lost goes out again after a probe timeout: a round trip and some 25 ms.
  constexpr Duration kLeast = std::chrono::milliseconds(30);
  return is_open() ? std::max(kLeast, 3 * stats().smoothed_rtt) : Duration::zero();
}

Result<SocketAddress> SessionState::begin_migration(const SocketAddress& local) {
  auto to = link_->migrate(local);
  if (to) migrating_to_ = *to;
  return to;
}

void SessionState::handle_migrated(const SocketAddress& to, const Status& status) {
  if (node_ != nullptr) {
    std::string text = "session to " + link_->remote_address().to_string() +
                       (status.is_ok() ? " moved to the socket " + to.to_string()
                                       : " did not move: " + status.to_string());
    node_->deferrer.defer(
        [node = node_, text = std::move(text)] { node->log(LogLevel::kInfo, text); });
  }
  if (migrating_to_ == to) migrating_to_ = {};
  for (PendingMigration* migration : migrations_) {
    if (migration->to == to) migration->outcome = status;
  }
  notify_changed();
}

std::optional<Latency> SessionState::latency_of(RemoteTime sent, LocalTime received) const {
  if (sent == RemoteTime{} || !clock().is_known()) return std::nullopt;
  const bool is_fresh = received >= latency_errors_.from && received < latency_errors_.until;
  if (!is_fresh) latency_errors_ = latency_errors(received);
  return Latency{received - clock().to_local(sent), latency_errors_.bound,
                 latency_errors_.estimated};
}

// Made for the end of a millisecond, when they are widest, and used all through it: an estimate
// costs more than the rest of a small event. The clock slews by 500 ppm at most meanwhile.
SessionState::LatencyErrors SessionState::latency_errors(LocalTime from) const {
  constexpr Duration kReused = std::chrono::milliseconds(1);
  constexpr Duration kSlew = kReused / 2000;
  const LocalTime until = from + kReused;
  const ClockEstimate estimate = clock().estimate(until);
  const auto widened = [&](Duration error) {
    return error > Duration::max() - kSlew ? error : error + kSlew;
  };
  return {from, until, widened(estimate.bound), widened(estimate.estimated_error)};
}

void SessionState::on_clock_updated() {
  latency_errors_ = {};
  clock_updated_.notify_all();
  check_clock();
}

void SessionState::check_clock() {
  if (node_ == nullptr || node_->plugins == nullptr || !is_open()) return;
  const ClockState state = clock().estimate(executor_.now()).state;
  if (std::exchange(clock_state_, state) == state) return;
  node_->deferrer.defer([self = shared_from_this()] {
    if (self->node() == nullptr) return;
    const ClockEstimate estimate = self->clock().estimate(self->executor().now());
    self->node()->plugins->clock_changed(Session(self), estimate);
  });
}

void SessionState::on_clock_report(const timing::NodeClockReport& report) {
  if (node_ != nullptr && node_->on_clock_report) node_->on_clock_report(*this, report);
}

SessionStats SessionState::stats() const {
  SessionStats stats;
  link_->add_stats(stats);
  const core::SessionStats& engine = engine_.stats();
  stats.calls_started = engine.calls_started;
  stats.calls_received = engine.calls_received;
  stats.events_sent = engine.events_sent;
  stats.events_received = engine.events_received;
  return stats;
}

Status SessionState::check_capacity(const MethodInfo& method) const {
  if (running_handlers_ >= limits_.max_running_handlers) {
    return {StatusCode::kResourceExhausted,
            std::to_string(running_handlers_) + " handlers of this session run already"};
  }
  if (method.kind == MethodKind::kPublished && subscriptions_ >= limits_.max_subscriptions) {
    return {StatusCode::kResourceExhausted,
            "this session has " + std::to_string(subscriptions_) + " subscriptions already"};
  }
  return Status::ok();
}

void SessionState::on_incoming_call(core::CallStream& call, core::RequestFrame request) {
  const auto refuse = [&](Status status) {
    call.send_status({std::move(status), {}});
    call.release();
  };
  const ServiceRegistry::Entry* entry =
      node_ != nullptr ? node_->registry.find(request.method_id) : nullptr;
  if (entry == nullptr || entry->method->kind == MethodKind::kEvent) {
    char text[80];
    std::snprintf(text, sizeof text, "the peer serves no method with id 0x%" PRIx64,
                  request.method_id);
    refuse(Status(StatusCode::kUnimplemented, text));
    return;
  }
  if (Status status = check_capacity(*entry->method); !status.is_ok()) {
    ++node_->counts.calls_over_limit;
    refuse(std::move(status));
    return;
  }
  call.set_method(*entry->method);
  ++running_handlers_;
  if (entry->method->kind == MethodKind::kPublished) ++subscriptions_;
  const LocalTime deadline = request.timeout > Duration::zero()
                                 ? deadline_after(executor_.now(), request.timeout)
                                 : kNever;
  auto state = std::allocate_shared<CallState>(PooledAllocator<CallState>(), shared_from_this(),
                                               call, deadline);
  auto server_call = std::make_unique<ServerCall>(std::move(state), *entry->service, *entry->method,
                                                  std::move(request.metadata));
  server_call->set_received(call.received_at(), latency_of(request.made_at, call.received_at()));
  server_call->set_early_data(!is_open());
  start_handler(std::move(server_call), entry->index);
}

void SessionState::start_handler(std::unique_ptr<ServerCall> call, std::size_t method_index) {
  CallContext& context = call->context();
  LayersPtr layers;
  if (node_->middleware) {
    layers = node_->middleware->layers_of(call->method(), InterceptedCall::Side::kServer);
  }
  node_->handlers.spawn(layers
                            ? ServerChain::serve(std::move(call), method_index, std::move(layers))
                            : ServerCall::run(std::move(call), method_index),
                        &context);
}

// Calls of unknown methods are answered at once, too.
bool SessionState::may_run_early(const core::RequestFrame& request) {
  if (is_held_by_plugins()) return false;
  const ServiceRegistry::Entry* entry =
      node_ != nullptr ? node_->registry.find(request.method_id) : nullptr;
  return entry == nullptr || (entry->method->kind == MethodKind::kRpc && entry->method->idempotent);
}

bool SessionState::wants_event() { return running_events_ < limits_.max_running_events; }

void SessionState::on_incoming_event(core::EventHeader header, Buffer message) {
  const ServiceRegistry::Entry* entry =
      node_ != nullptr ? node_->registry.find(header.method_id) : nullptr;
  // There is nobody to tell: an event has no reply.
  if (entry == nullptr || entry->method->kind != MethodKind::kEvent) return;
  ++running_events_;
  auto server_call =
      std::make_unique<ServerCall>(shared_from_this(), *entry->service, *entry->method,
                                   std::move(header.metadata), std::move(message));
  server_call->set_received(header.arrived_at, latency_of(header.emitted_at, header.arrived_at));
  start_handler(std::move(server_call), entry->index);
}

bool SessionState::may_warn() {
  const LocalTime now = executor_.now();
  if (now < no_warning_until_) return false;
  no_warning_until_ = now + std::chrono::seconds(1);
  return true;
}

void SessionState::handler_ended(const MethodInfo& method, std::size_t held_bytes) {
  handler_bytes_ -= held_bytes;
  if (method.kind == MethodKind::kEvent) {
    if (running_events_-- == limits_.max_running_events) engine_.resume_events();
    return;
  }
  --running_handlers_;
  if (method.kind == MethodKind::kPublished) --subscriptions_;
  notify_changed();
}

}  // namespace echostream::internal
