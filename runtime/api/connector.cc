#include "runtime/api/connector.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "runtime/core/frame/wire.h"

namespace echostream::internal {
namespace {

// RFC 8305 section 5: the time until the next address is tried as well.
constexpr Duration kAttemptDelay = std::chrono::milliseconds(250);

using Addresses = Result<std::vector<SocketAddress>>;

Task<Addresses> resolve(Loop& loop, HostAndPort target, LocalTime deadline) {
  WaitPoint done;
  std::optional<Addresses> answer;
  const auto pending = loop.resolve(target.host, target.port, [&](Addresses addresses) {
    answer = std::move(addresses);
    done.notify_all();
  });
  while (!answer) {
    const WaitResult result = co_await done.wait(deadline);
    if (result == WaitResult::kDeadline) {
      co_return Status(StatusCode::kDeadlineExceeded,
                       "resolving " + target.host + " took too long");
    }
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
  co_return *std::move(answer);
}

// Handshakes under way; those that are not kept are closed.
class Attempts {
 public:
  Attempts(Node::Impl& node, std::string server_name, const ConnectOptions& options)
      : node_(node), server_name_(std::move(server_name)), options_(options) {}
  ~Attempts() {
    for (const auto& session : under_way_) {
      session->notify_on_change(nullptr);
      if (session != kept_) session->link().close(core::WireError::kNone, "not needed");
    }
  }
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

  /// For early data, a server that was met before comes first.
  void put_known_first(std::vector<SocketAddress>& addresses) {
    if (!options_.early_data) return;
    for (auto address = addresses.begin(); address != addresses.end(); ++address) {
      first_ticket_ = take_ticket(*address);
      if (first_ticket_.empty()) continue;
      std::rotate(addresses.begin(), address, std::next(address));
      return;
    }
  }

  void start(const SocketAddress& remote) {
    Status status = dial(remote);
    if (!status.is_ok()) last_error_ = std::move(status);
  }

  /// The first session that can send early data, before any is connected.
  std::shared_ptr<SessionState> early() {
    for (const auto& session : under_way_) {
      if (!session->link().can_send_early()) continue;
      session->engine().handle_early_data_allowed();
      return kept_ = session;
    }
    return nullptr;
  }

  /// The first session that is connected, and let in.
  std::shared_ptr<SessionState> winner() {
    for (const auto& session : under_way_) {
      if (session->is_open() && !session->waits_for_peer()) return kept_ = session;
    }
    return nullptr;
  }

  /// One has completed its handshake, and its server has not decided whether to let us in.
  bool waits_for_peer() const {
    return std::any_of(under_way_.begin(), under_way_.end(), [](const auto& session) {
      return session->is_open() && session->waits_for_peer();
    });
  }

  /// True when every handshake that was started has failed.
  bool all_failed() {
    for (const auto& session : under_way_) {
      if (!session->is_closed()) return false;
      last_error_ = session->close_status();
    }
    return true;
  }
  const Status& last_error() const { return last_error_; }

  WaitAwaiter wait(LocalTime deadline) { return changed_.wait(deadline); }

 private:
  std::string ticket_key(const SocketAddress& remote, const transport::TlsContext& tls) const {
    return server_name_ + ' ' + remote.to_string() + ' ' + tls.ticket_scope();
  }

  std::string take_ticket(const SocketAddress& remote) {
    auto tls = node_.client_tls();
    if (!options_.resume || !tls || node_.tickets == nullptr) return {};
    return node_.tickets->take(ticket_key(remote, **tls)).value_or(std::string());
  }

  Status dial(const SocketAddress& remote) {
    auto driver = node_.dialling_driver();
    if (!driver) return std::move(driver).error();
    auto tls = node_.client_tls();
    if (!tls) return std::move(tls).error();
    auto link = std::make_unique<QuicLink>(**driver);
    QuicLink& bound = *link;
    transport::QuicEndpoint::Dial dial;
    dial.remote = remote;
    dial.server_name = server_name_;
    dial.ticket = std::exchange(first_ticket_, {});
    if (dial.ticket.empty()) dial.ticket = take_ticket(remote);
    dial.early_data = options_.early_data;
    bound.keep_tickets(node_.tickets, ticket_key(remote, **tls));
    dial.tls = *std::move(tls);
    if (Status status = (*driver)->connect(std::move(dial), bound); !status.is_ok()) return status;
    auto session = node_.add_session(std::move(link));
    ++node_.context.counts.sessions_dialled;
    bound.bind(*session);
    session->notify_on_change(&changed_);
    under_way_.push_back(std::move(session));
    return Status::ok();
  }

  Node::Impl& node_;
  const std::string server_name_;
  const ConnectOptions options_;
  std::string first_ticket_;
  std::vector<std::shared_ptr<SessionState>> under_way_;
  std::shared_ptr<SessionState> kept_;
  Status last_error_;
  WaitPoint changed_;
};

}  // namespace

Status check_target(const std::string& target) {
  auto parsed = parse_host_and_port(target);
  if (!parsed) return std::move(parsed).error();
  if (parsed->port == 0) {
    return {StatusCode::kInvalidArgument, "'" + target + "' has port 0"};
  }
  return Status::ok();
}

namespace {

// `alive` is the node's: a task may be awaited for the first time when the node is gone.
Task<Result<Session>> dial(Node::Impl& node, std::weak_ptr<const bool> alive, std::string target,
                           ConnectOptions options, Duration timeout) {
  const Status destroyed(StatusCode::kUnavailable, "the node was destroyed");
  const std::string context = "connect to " + target;
  if (alive.expired()) co_return destroyed.with_context(context);
  if (node.shutting_down) {
    co_return Status(StatusCode::kUnavailable, "this node is shutting down");
  }
  Status dialable = check_target(target);
  if (!dialable.is_ok()) co_return dialable.with_context("connect");
  if (!node.plugins.is_running()) {
    Status started = co_await node.plugins.wait_started();
    if (!started.is_ok()) co_return started.with_context("connect");
    if (alive.expired()) co_return destroyed.with_context(context);
  }
  // Nothing is sent to a peer that plugins have not looked at.
  if (node.plugins.checks_sessions()) options.early_data = false;
  const auto parsed = parse_host_and_port(target);
  Loop& loop = node.loop;
  const LocalTime deadline = deadline_after(node.loop.now(), timeout);
  Task<Addresses> resolving = resolve(loop, *parsed, deadline);
  Addresses addresses = co_await std::move(resolving);
  if (alive.expired()) co_return destroyed.with_context(context);
  if (!addresses) co_return addresses.error().with_context(context);

  Attempts attempts(node, parsed->host, options);
  attempts.put_known_first(*addresses);
  std::size_t next = 0;
  for (;;) {
    const bool is_met = attempts.waits_for_peer();
    if (!is_met && next < addresses->size()) attempts.start((*addresses)[next++]);
    if (auto session = attempts.early()) co_return Session(std::move(session));
    const bool more = !is_met && next < addresses->size();
    const LocalTime until = more ? std::min(deadline, node.loop.now() + kAttemptDelay) : deadline;
    bool try_next = false;
    while (!try_next) {
      if (auto session = attempts.winner()) co_return Session(std::move(session));
      if (attempts.all_failed()) break;
      const WaitResult result = co_await attempts.wait(until);
      if (alive.expired()) co_return destroyed.with_context(context);
      if (result == WaitResult::kCancelled) {
        co_return Status(StatusCode::kCancelled, "the call was cancelled").with_context(context);
      }
      try_next = result == WaitResult::kDeadline;
    }
    if (node.loop.now() >= deadline) {
      const char* what = attempts.waits_for_peer()
                             ? "the peer did not say in time whether it takes the session"
                             : "no answer to the handshake";
      co_return Status(StatusCode::kDeadlineExceeded, what).with_context(context);
    }
    if (!more && attempts.all_failed()) co_return attempts.last_error().with_context(context);
  }
}

}  // namespace

Task<Result<Session>> connect(Node::Impl& node, std::string target, ConnectOptions options,
                              Duration timeout) {
  return dial(node, node.alive, std::move(target), options, timeout);
}

}  // namespace echostream::internal
