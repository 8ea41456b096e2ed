#include "echostream/node.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/api/connector.h"
#include "runtime/api/guarded_ticket_cache.h"
#include "runtime/api/node_impl.h"
#include "runtime/api/persistent_state.h"
#include "runtime/api/target.h"

namespace echostream {

using internal::QuicDriver;
using internal::QuicLink;
using internal::SessionState;

namespace {

// Of those that the system chooses when listen() names none.
constexpr int kMostPortsTried = 16;

// The options of the API and of the transport name the same algorithms in the same order.
transport::CongestionControl to_transport(CongestionControl algorithm) {
  switch (algorithm) {
    case CongestionControl::kNewReno:
      return transport::CongestionControl::kNewReno;
    case CongestionControl::kCubic:
      return transport::CongestionControl::kCubic;
    case CongestionControl::kBbr:
      return transport::CongestionControl::kBbr;
  }
  return transport::CongestionControl::kCubic;
}

}  // namespace

Node::Impl::Impl(Node& node, Loop& loop_in, NodeOptions options)
    : loop(loop_in),
      context(loop_in, std::move(options)),
      plugins(node, context),
      traces(loop_in, context),
      stall_watch(
          loop_in, [this] { return !sessions.empty(); },
          [this](const std::string& text) { context.log(LogLevel::kWarning, text); }),
      host_resolver(internal::make_host_resolver(loop_in)),
      tasks(loop_in) {
  context.forget = [this](SessionState& session) {
    if (clock) clock->forget(session);
    std::erase_if(sessions, [&](const auto& kept) { return kept.get() == &session; });
    sessions_changed.notify_all();
  };
  if (context.options.resumption) {
    tickets = make_memory_ticket_cache();
    if (context.options.ticket_cache) {
      tickets =
          std::make_shared<internal::GuardedTicketCache>(context.options.ticket_cache, context);
    }
  }
  if (context.options.shared_clock) share_clock(*context.options.shared_clock);
}

void Node::Impl::share_clock(const SharedClockOptions& options) {
  // Ids travel as varints.
  const std::uint64_t id = options.node_id.value_or(random_number()) & core::kMaxVarint;
  clock = std::make_unique<internal::NodeClockService>(loop, sessions, id,
                                                       random_number() & core::kMaxVarint, options);
  context.on_clock_report = [this](SessionState& session, const timing::NodeClockReport& report) {
    clock->handle_report(session, report);
  };
}

Node::Impl::~Impl() {
  tasks.clear();
  plugins.abandon();
  for (const auto& persistent : persistent_sessions) persistent->detach();
  for (const auto& session : sessions) {
    session->link().close(core::WireError::kNone, "the node was closed");
  }
  for (const auto& driver : drivers) driver->flush_now();
  for (const auto& door : side_doors) door->flush_now();
  context.handlers.clear();
  for (const auto& session : sessions) {
    session->detach();
    session->handle_closed(Status(StatusCode::kUnavailable, "this node was closed"));
    session->link().detach();
  }
  // They may refer to the plugins that brought them.
  context.middleware.reset();
  context.registry = {};
}

transport::QuicEndpoint::Options Node::Impl::endpoint_options() {
  const NodeOptions& options = context.options;
  transport::QuicEndpoint::Options endpoint;
  endpoint.quic.handshake_timeout = options.handshake_timeout;
  endpoint.quic.idle_timeout = options.idle_timeout;
  endpoint.quic.keep_alive_interval = options.keep_alive_interval;
  // RFC 9000 section 4.6: stream ids go no further.
  constexpr std::uint64_t kMostStreams = std::uint64_t{1} << 60;
  endpoint.quic.max_bidirectional_streams = std::min(options.max_concurrent_calls, kMostStreams);
  endpoint.quic.max_send_bytes_per_second = options.limits.max_send_bytes_per_second;
  endpoint.quic.congestion_control = to_transport(options.congestion_control);
  endpoint.quic.key_update_interval = options.key_update_interval;
  endpoint.quic.stalled_stream_timeout = options.limits.stalled_peer_timeout;
  endpoint.quic.max_udp_payload_bytes = options.max_udp_payload_bytes;
  endpoint.quic.max_path_changes_per_second = options.max_path_changes_per_second;
  endpoint.quic.follow_preferred_address = options.follow_preferred_address;
  endpoint.max_connections = options.max_sessions;
  endpoint.max_connections_per_address = options.max_sessions_per_address;
  endpoint.max_handshakes_per_network = options.max_handshakes_per_network;
  if (options.address_validation == AddressValidation::kAlways) endpoint.retry_above_half_open = 0;
  endpoint.static_secret = options.static_secret;
  endpoint.fill_random = [this](MutableBytes out) { loop.fill_random(out); };
  endpoint.wall_time = [this] { return loop.wall_time(); };
  traces.apply_to(endpoint);
  return endpoint;
}

Status Node::Impl::check_options() const {
  const NodeOptions& options = context.options;
  const std::size_t most = options.max_udp_payload_bytes;
  if (most < 1200 || most > 65527) {
    return {StatusCode::kInvalidArgument, "NodeOptions::max_udp_payload_bytes is " +
                                              std::to_string(most) + "; use 1200 to 65527"};
  }
  if (options.handshake_timeout <= Duration::zero() || options.idle_timeout < Duration::zero()) {
    return {StatusCode::kInvalidArgument,
            "NodeOptions::handshake_timeout must be above zero, and idle_timeout not below it"};
  }
  constexpr Duration kLeastKeepAlive = std::chrono::milliseconds(10);
  const Duration keep_alive = options.keep_alive_interval;
  if (keep_alive != Duration::zero() && keep_alive < kLeastKeepAlive) {
    return {StatusCode::kInvalidArgument,
            "NodeOptions::keep_alive_interval is below 10 ms; zero sends no keep-alives"};
  }
  return Status::ok();
}

std::uint64_t Node::Impl::random_number() {
  std::array<std::uint8_t, 8> bytes;
  loop.fill_random(bytes);
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes) number = number << 8 | byte;
  return number;
}

std::shared_ptr<SessionState> Node::Impl::add_session(std::unique_ptr<internal::Link> link) {
  auto session = std::make_shared<SessionState>(context, std::move(link), random_number());
  sessions.push_back(session);
  stall_watch.start();
  return session;
}

transport::QuicConnectionSink* Node::Impl::accept(QuicDriver& driver,
                                                  transport::QuicConnection& connection) {
  if (shutting_down || sessions.size() >= context.options.max_sessions) return nullptr;
  // TLS agrees on nothing else than what was offered: accept_http is set.
  return connection.alpn() == core::kAlpn ? adopt(std::make_unique<QuicLink>(driver), connection)
                                          : accept_http(driver, connection);
}

Result<QuicDriver*> Node::Impl::open_driver(const SocketAddress& bind_to,
                                            std::shared_ptr<transport::TlsContext> server_tls,
                                            internal::PortMember member) {
  if (Status status = check_options(); !status.is_ok()) return status;
  transport::QuicEndpoint::Options options = endpoint_options();
  options.server_tls = std::move(server_tls);
  options.quic.asks_clients_to_wait = plugins.checks_sessions();
  const SocketAddress& preferred = context.options.preferred_address;
  if (options.server_tls && preferred.is_set()) {
    const SocketAddress offered =
        preferred.port() != 0 ? preferred : preferred.with_port(bind_to.port());
    const bool is_ipv4 = offered.family() == SocketAddress::Family::kIpv4;
    (is_ipv4 ? options.quic.preferred_ipv4 : options.quic.preferred_ipv6) = offered;
    if (offered.port() == 0) {
      return Status(StatusCode::kInvalidArgument,
                    "NodeOptions::preferred_address needs a port when listen() has none");
    }
  }
  auto driver = QuicDriver::open(
      loop, bind_to, std::move(options),
      [this](QuicDriver& on, transport::QuicConnection& connection) {
        return accept(on, connection);
      },
      [this](const SocketAddress& client, const Status& why) {
        refusals.warn(loop.now(),
                      "refused a client, " + client.to_string() + ": " + why.to_string());
      },
      std::move(member));
  if (!driver) return std::move(driver).error();
  drivers.push_back(*std::move(driver));
  return drivers.back().get();
}

Result<QuicDriver*> Node::Impl::dialling_driver() {
  if (dialler != nullptr) return dialler;
  auto driver = open_driver(SocketAddress::ipv6({}, 0), nullptr);
  // A system without IPv6.
  if (!driver) driver = open_driver(SocketAddress::ipv4({}, 0), nullptr);
  if (driver) dialler = *driver;
  if (driver) watch_addresses();
  return driver;
}

namespace {

using TlsResult = Result<std::shared_ptr<transport::TlsContext>>;
using KeyLog = std::shared_ptr<transport::KeyLogSink>;

TlsResult make_client_tls(const NodeOptions& options, const KeyLog& key_log) {
  transport::TlsContext::Options tls;
  tls.alpn = {std::string(core::kAlpn)};
  tls.identity = options.identity;
  tls.trust = options.trust;
  tls.resumption = options.resumption;
  tls.key_log = key_log;
  return transport::TlsContext::make_client(std::move(tls));
}

TlsResult make_server_tls_of(const NodeOptions& options, const KeyLog& key_log, bool takes_http) {
  transport::TlsContext::Options tls;
  tls.alpn = {std::string(core::kAlpn)};
  if (takes_http) tls.alpn.push_back("h3");
  tls.identity = options.identity;
  tls.more_identities = options.more_identities;
  tls.trust = options.client_trust;
  tls.resumption = options.resumption;
  tls.early_data = options.accept_early_data;
  tls.key_log = key_log;
  return transport::TlsContext::make_server(std::move(tls));
}

TlsResult make_side_door_tls(const NodeOptions& options, const KeyLog& key_log) {
  transport::TlsContext::Options tls;
  tls.alpn = {"http/1.1"};
  tls.identity = options.identity;
  tls.more_identities = options.more_identities;
  tls.trust = options.client_trust;
  tls.resumption = options.resumption;
  tls.early_data = false;
  tls.key_log = key_log;
  return transport::TlsContext::make_server(std::move(tls));
}

}  // namespace

void Node::Impl::watch_addresses() {
  if (!context.options.migrate_on_address_change || address_watch != nullptr) return;
  auto watch = internal::AddressWatch::open(loop, sessions, context);
  if (watch) {
    address_watch = *std::move(watch);
  } else {
    context.log(LogLevel::kInfo,
                "sessions do not migrate by themselves: " + watch.status().to_string());
  }
}

Result<std::shared_ptr<transport::TlsContext>> Node::Impl::client_tls() {
  if (dialling_tls) return dialling_tls;
  if (!context.options.trust) {
    return Status(StatusCode::kFailedPrecondition,
                  "connect() needs NodeOptions::trust: whom should this node believe? "
                  "Use Trust::pinned(), Trust::system() or a CA file");
  }
  auto made = make_client_tls(context.options, traces.key_log());
  if (made) dialling_tls = *made;
  return made;
}

Result<Node::Impl::Security> Node::Impl::make_security(const ChangeOptions& change) const {
  Security made;
  made.options = context.options;
  change(made.options);
  if (made.options.trust) {
    auto tls = make_client_tls(made.options, traces.key_log());
    if (!tls) return tls.error();
    made.dialling = *std::move(tls);
  }
  if (made.options.identity) {
    auto tls = make_server_tls_of(made.options, traces.key_log(), takes_http());
    if (!tls) return tls.error();
    made.listening = *std::move(tls);
  }
  if (made.options.identity && open_side_door) {
    auto tls = make_side_door_tls(made.options, traces.key_log());
    if (!tls) return tls.error();
    made.side_door = *std::move(tls);
  }
  return made;
}

void Node::Impl::use_security(const Security& made) {
  const auto fingerprint = [](const std::optional<Identity>& identity) {
    return identity ? std::optional(identity->fingerprint()) : std::nullopt;
  };
  if (fingerprint(context.options.identity) != fingerprint(made.options.identity)) {
    announcement_watches.tell();
  }
  context.options.identity = made.options.identity;
  context.options.more_identities = made.options.more_identities;
  context.options.trust = made.options.trust;
  context.options.client_trust = made.options.client_trust;
  dialling_tls = made.dialling;
  for (const auto& driver : drivers) {
    if (driver.get() != dialler) driver->set_server_tls(made.listening);
  }
  for (const auto& door : side_doors) door->set_server_tls(made.side_door);
}

Status Node::Impl::change_security(const char* what, const ChangeOptions& change) {
  auto made = make_security(change);
  if (!made) return made.error().with_context(what);
  use_security(*made);
  return Status::ok();
}

Node::Node(Loop& loop, NodeOptions options)
    : impl_(std::make_unique<Impl>(*this, loop, std::move(options))) {}

Node::~Node() = default;

Status Node::serve(std::shared_ptr<Service> service) {
  internal::ServiceRegistry& registry = impl_->context.registry;
  Status status = registry.check(service);
  if (status.is_ok()) status = impl_->plugins.service(service->info());
  if (status.is_ok()) status = registry.add(std::move(service));
  if (status.is_ok()) impl_->announcement_watches.tell();
  return status;
}

std::vector<const ServiceInfo*> Node::services() const {
  std::vector<const ServiceInfo*> infos;
  for (const auto& service : impl_->context.registry.services()) infos.push_back(&service->info());
  return infos;
}

void Node::add_middleware(std::shared_ptr<Middleware> middleware) {
  if (!middleware) return;
  internal::NodeContext& context = impl_->context;
  if (!context.middleware)
    context.middleware = std::make_unique<internal::MiddlewareTable>(context);
  context.middleware->add(std::move(middleware));
}

Status Node::add_plugin(std::shared_ptr<Plugin> plugin) {
  Status status = impl_->plugins.add(std::move(plugin));
  if (status.is_ok()) impl_->context.plugins = &impl_->plugins;
  return status;
}

namespace {

Task<Status> start_node(Node::Impl& node, std::weak_ptr<const bool> alive) {
  if (alive.expired()) co_return Status(StatusCode::kUnavailable, "the node was destroyed");
  co_return co_await node.plugins.wait_started();
}

}  // namespace

Task<Status> Node::start() { return start_node(*impl_, impl_->alive); }

Result<std::shared_ptr<transport::TlsContext>> Node::Impl::make_server_tls() const {
  const NodeOptions& options = context.options;
  if (!options.identity) {
    return Status(StatusCode::kFailedPrecondition,
                  "listen() needs NodeOptions::identity; Identity::self_signed() makes one");
  }
  return make_server_tls_of(options, traces.key_log(), takes_http());
}

Status Node::Impl::open_side_door_beside(const QuicDriver& driver, bool shares_port) {
  if (!open_side_door) return Status::ok();
  auto tls = make_side_door_tls(context.options, traces.key_log());
  if (!tls) return tls.error();
  auto door = open_side_door(driver.local_address(), shares_port, *std::move(tls));
  if (!door) return door.error();
  side_doors.push_back(*std::move(door));
  return Status::ok();
}

Result<QuicDriver*> Node::Impl::listen(const SocketAddress& bind_to,
                                       std::shared_ptr<transport::TlsContext> server_tls,
                                       internal::PortMember member) {
  if (shutting_down) {
    return Status(StatusCode::kFailedPrecondition, "listen: this node is shutting down");
  }
  plugins.begin_start();
  if (Status verdict = plugins.verdict(); !verdict.is_ok()) return verdict.with_context("listen");
  // A port that the system has chosen for UDP may be another program's over TCP.
  const int attempts = bind_to.port() == 0 && open_side_door ? kMostPortsTried : 1;
  const bool shares_port = member.port != nullptr;
  Result<QuicDriver*> driver = Status(StatusCode::kInternal, "no port was tried");
  for (int attempt = 0; attempt < attempts; ++attempt) {
    driver = open_driver(bind_to, server_tls, member);
    if (!driver) return driver;
    Status opened = open_side_door_beside(**driver, shares_port);
    if (opened.is_ok()) break;
    drivers.pop_back();
    driver = std::move(opened);
  }
  if (!driver) return driver;
  plugins.listening((*driver)->local_address());
  announcement_watches.tell();
  return driver;
}

Result<SocketAddress> Node::listen(std::string_view address) {
  auto bind_to = SocketAddress::parse(address);
  if (!bind_to) return std::move(bind_to).error().with_context("listen");
  auto server_tls = impl_->make_server_tls();
  if (!server_tls) return std::move(server_tls).error();
  auto driver = impl_->listen(*bind_to, *std::move(server_tls));
  if (!driver) return std::move(driver).error();
  return (*driver)->local_address();
}

Task<Result<Session>> Node::connect(std::string target, ConnectOptions options) {
  const Duration timeout = impl_->context.options.handshake_timeout;
  return internal::connect(*impl_, std::move(target), options, timeout);
}

Status Node::set_identity(Identity identity, std::vector<Identity> more_identities) {
  return impl_->change_security("set_identity", [&](NodeOptions& options) {
    options.identity = std::move(identity);
    options.more_identities = std::move(more_identities);
  });
}

Status Node::set_trust(Trust trust) {
  return impl_->change_security("set_trust",
                                [&](NodeOptions& options) { options.trust = std::move(trust); });
}

Status Node::set_client_trust(std::optional<Trust> trust) {
  return impl_->change_security(
      "set_client_trust", [&](NodeOptions& options) { options.client_trust = std::move(trust); });
}

NodeClock Node::clock() const { return {impl_->loop, impl_->clock.get()}; }

NodeClockEstimate NodeClock::estimate() const {
  return service_ != nullptr ? service_->clock().estimate(executor_->now()) : NodeClockEstimate{};
}
NodeTime NodeClock::to_node_time(LocalTime time) const {
  return service_ != nullptr ? service_->clock().to_node_time(time)
                             : NodeTime(time.time_since_epoch());
}
LocalTime NodeClock::to_local(NodeTime time) const {
  return service_ != nullptr ? service_->clock().to_local(time)
                             : LocalTime(time.time_since_epoch());
}
NodeTime NodeClock::now() const { return to_node_time(executor_->now()); }

NodeStats Node::stats() const {
  NodeStats stats = impl_->context.counts;
  for (const auto& session : impl_->sessions) {
    if (session->is_open()) ++stats.sessions_open;
    if (session->is_opening()) ++stats.sessions_opening;
  }
  for (const auto& driver : impl_->drivers) {
    const transport::EndpointStats endpoint = driver->endpoint_stats();
    stats.handshakes_started += endpoint.handshakes_started;
    stats.clients_refused += endpoint.connections_refused;
    stats.retries_sent += endpoint.retries_sent;
    stats.stateless_resets_sent += endpoint.stateless_resets_sent;
    stats.datagrams_dropped += endpoint.datagrams_dropped;
  }
  stats.handlers_running = impl_->context.handlers.size();
  stats.loop_stalls = impl_->stall_watch.stalls();
  stats.loop_stalled = impl_->stall_watch.stalled();
  return stats;
}

TypedState& Node::state() const { return impl_->state; }

void Node::log(LogLevel level, std::string_view text) const {
  impl_->context.log(level, std::string(text));
}

std::vector<Session> Node::sessions() const {
  std::vector<Session> open;
  for (const auto& session : impl_->sessions) {
    if (session->is_open()) open.emplace_back(session);
  }
  return open;
}

namespace {

// `alive` is the node's: a task may be awaited for the first time when the node is gone.
Task<void> shut_down(Node::Impl& node, std::weak_ptr<const bool> alive, Duration grace) {
  if (alive.expired()) co_return;
  Loop& loop = node.loop;
  WaitPoint pause;
  const LocalTime deadline = deadline_after(loop.now(), grace);
  node.shutting_down = true;
  node.plugins.drain();
  if (!node.announcement_watches.is_empty()) {
    // Nobody is to be sent here who would find it closed.
    node.announcement_watches.tell();
    co_await yield_now();
    if (alive.expired()) co_return;
  }
  // Before the sessions leave: they are not to be replaced.
  for (const auto& persistent : node.persistent_sessions) {
    persistent->close(Status(StatusCode::kUnavailable, "this node is shutting down"), false);
  }
  for (const auto& driver : node.drivers) driver->stop_accepting();
  for (const auto& door : node.side_doors) door->stop_accepting();
  Duration farewell{};
  for (const auto& session : node.sessions) {
    farewell = std::max(farewell, session->farewell_time());
    session->engine().drain();
  }
  const LocalTime stays_until = loop.now() + farewell;
  const auto busy = [&] {
    return std::any_of(node.sessions.begin(), node.sessions.end(), [&](const auto& session) {
      return !session->is_closed() && (session->has_handlers_to_wait_for() ||
                                       !session->engine().is_quiet() || loop.now() < stays_until);
    });
  };
  while (busy() && loop.now() < deadline) {
    // Calls end in many places; looking every few milliseconds is simpler than hearing of each.
    (void)co_await pause.wait_through_cancel(
        std::min(deadline, loop.now() + std::chrono::milliseconds(5)));
    if (alive.expired()) co_return;
  }
  for (const auto& session : node.sessions) {
    session->link().close(core::WireError::kNone, "the node is shutting down");
  }
  const LocalTime closing_until = loop.now() + std::chrono::seconds(1);
  while (!node.sessions.empty() && loop.now() < closing_until) {
    (void)co_await node.sessions_changed.wait_through_cancel(closing_until);
    if (alive.expired()) co_return;
  }
  co_await node.plugins.stop();
}

}  // namespace

Task<void> Node::shutdown(Duration grace) { return shut_down(*impl_, impl_->alive, grace); }

Loop& Node::loop() const { return impl_->loop; }
TaskGroup& Node::tasks() { return impl_->tasks; }

}  // namespace echostream
