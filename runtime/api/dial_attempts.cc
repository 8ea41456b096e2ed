#include "runtime/api/dial_attempts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "echostream/known_peers.h"

#include "runtime/api/first_meeting.h"
#include "runtime/core/frame/wire.h"

namespace echostream::internal {
namespace {

std::string name_of(const DialCandidate& candidate) {
  if (!candidate.peer_name.empty()) return candidate.peer_name;
  const std::string& host = candidate.server_name;
  const bool is_ipv6 = host.find(':') != host.npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(candidate.address.port());
}

// Whoever was believed at its first use is known from now on. Only now: it has proved to have the
// key.
Status meet(Node::Impl& node, const Link& link, KnownPeers& peers, const std::string& name,
            bool any) {
  auto met = meet_peer(peers, link.peer_identity(), link.remote_address(), name, any,
                       node.loop.wall_time());
  if (!met) return met.error();
  if (!met->empty()) node.context.log(LogLevel::kInfo, *met);
  return Status::ok();
}

}  // namespace

DialAttempts::~DialAttempts() {
  for (const auto& session : under_way_) {
    session->notify_on_change(nullptr);
    if (session != kept_) session->link().close(core::WireError::kNone, "not needed");
  }
}

void DialAttempts::start_one_of(std::deque<DialCandidate>& waiting) {
  std::string ticket;
  if (options_.early_data && std::exchange(is_first_, false)) {
    for (auto candidate = waiting.begin(); candidate != waiting.end(); ++candidate) {
      ticket = take_ticket(*candidate);
      if (ticket.empty()) continue;
      std::rotate(waiting.begin(), candidate, std::next(candidate));
      break;
    }
  }
  const DialCandidate candidate = std::move(waiting.front());
  waiting.pop_front();
  if (ticket.empty()) ticket = take_ticket(candidate);
  Status status = dial(candidate, std::move(ticket));
  if (!status.is_ok()) note_failure(status);
}

std::shared_ptr<SessionState> DialAttempts::early() {
  for (const auto& session : under_way_) {
    if (!session->link().can_send_early()) continue;
    session->engine().handle_early_data_allowed();
    return kept_ = session;
  }
  return nullptr;
}

std::shared_ptr<SessionState> DialAttempts::winner() {
  for (const auto& session : under_way_) {
    if (session->is_open() && !session->waits_for_peer()) return kept_ = session;
  }
  return nullptr;
}

bool DialAttempts::waits_for_peer() const {
  return std::any_of(under_way_.begin(), under_way_.end(), [](const auto& session) {
    return session->is_open() && session->waits_for_peer();
  });
}

std::size_t DialAttempts::count_failures() {
  std::erase_if(under_way_, [this](const auto& session) {
    if (!session->is_closed()) return false;
    session->notify_on_change(nullptr);
    note_failure(session->close_status());
    return true;
  });
  return failures_;
}

bool DialAttempts::is_verdict() const noexcept {
  return error_.code() == StatusCode::kUnauthenticated ||
         error_.code() == StatusCode::kPermissionDenied;
}

void DialAttempts::note_failure(const Status& status) {
  ++failures_;
  if (!is_verdict() || status.code() == StatusCode::kUnauthenticated) error_ = status;
}

std::string DialAttempts::ticket_key(const DialCandidate& candidate,
                                     const transport::TlsContext& tls) const {
  std::string key =
      candidate.server_name + ' ' + candidate.address.to_string() + ' ' + tls.ticket_scope();
  if (node_.context.options.trust->mode() == Trust::Mode::kKnownPeers) {
    key += (candidate.any_known_peer ? " any " : " one ") + name_of(candidate);
  }
  return key;
}

std::string DialAttempts::take_ticket(const DialCandidate& candidate) {
  auto tls = node_.client_tls();
  if (!options_.resume || !tls || node_.tickets == nullptr) return {};
  return node_.tickets->take(ticket_key(candidate, **tls)).value_or(std::string());
}

Status DialAttempts::dial(const DialCandidate& candidate, std::string ticket) {
  auto driver = node_.dialling_driver();
  if (!driver) return std::move(driver).error();
  auto tls = node_.client_tls();
  if (!tls) return std::move(tls).error();
  auto link = std::make_unique<QuicLink>(**driver);
  QuicLink& bound = *link;
  transport::QuicEndpoint::Dial dial;
  dial.remote = candidate.address;
  dial.server_name = candidate.server_name;
  dial.peer_name = {name_of(candidate), candidate.any_known_peer};
  dial.ticket = std::move(ticket);
  dial.early_data = options_.early_data;
  bound.keep_tickets(node_.tickets, ticket_key(candidate, **tls));
  dial.tls = *std::move(tls);
  auto connection = (*driver)->connect(std::move(dial), bound);
  if (!connection) return std::move(connection).error();
  bound.bind(**connection);
  auto session = node_.add_session(std::move(link));
  ++node_.context.counts.sessions_dialled;
  bound.bind(*session);
  const Trust& trust = *node_.context.options.trust;
  if (trust.mode() == Trust::Mode::kKnownPeers && trust.first_use() == FirstUse::kAccept) {
    session->check_before_open(
        [&node = node_, &link = bound, peers = trust.peers(), name = name_of(candidate),
         any = candidate.any_known_peer] { return meet(node, link, *peers, name, any); });
  }
  session->notify_on_change(&changed_);
  under_way_.push_back(std::move(session));
  return Status::ok();
}

}  // namespace echostream::internal
