// Which way a connection's packets go: following the peer to a new address, and moving ourselves.
#include <algorithm>
#include <utility>

#include "runtime/transport/connection.h"
#include "runtime/transport/socket_path.h"

namespace echostream::transport {

// Where the peer sends to. Late packets of an earlier path say nothing about it.
void Connection::note_arrival(const SocketAddress& address, const SocketAddress& path_local) {
  if (address == arrived_at_ || !connection_) return;
  if (from_native(ngtcp2_conn_get_path(connection_.get())->local) == path_local) {
    arrived_at_ = address;
  }
}

// A server follows its peer (RFC 9000 section 9.3), but not to any number of places: each costs
// packets, memory and the congestion window. Only the peer's own packets count, see
// note_new_address(): strangers must not use up what is meant for it.
bool Connection::may_come_from(const SocketAddress& remote) {
  return is_known_address(remote) || path_changes_.ready_at(now_) <= now_;
}

bool Connection::is_known_address(const SocketAddress& remote) const {
  return !is_server_ || !open_ || remote == new_remote_ || remote == remote_address();
}

// A packet that was the peer's came from there.
void Connection::note_new_address(const SocketAddress& remote) {
  path_changes_.spend(now_, 1);
  new_remote_ = remote;
}

// Where the server wants us, or unset. An offer is not believed blindly: it may point into our own
// network, and what is sent there until the path is proven would come from inside it.
SocketAddress Connection::choose_preferred_address(const ngtcp2_preferred_addr& offer) const {
  if (!host_.quic_options().follow_preferred_address) return {};
  const SocketAddress usual = remote_address();
  SocketAddress wanted;
  if (usual.family() == SocketAddress::Family::kIpv4 && offer.ipv4_present != 0) {
    wanted = from_native(
        {reinterpret_cast<sockaddr*>(const_cast<sockaddr_in*>(&offer.ipv4)), sizeof offer.ipv4});
  } else if (usual.family() == SocketAddress::Family::kIpv6 && offer.ipv6_present != 0) {
    wanted = from_native(
        {reinterpret_cast<sockaddr*>(const_cast<sockaddr_in6*>(&offer.ipv6)), sizeof offer.ipv6});
  }
  const bool is_usable = wanted.is_set() && wanted.port() != 0 && !wanted.is_any() &&
                         (!wanted.is_loopback() || usual.is_loopback());
  return is_usable ? wanted : SocketAddress();
}

// ---- Moving.

Status Connection::check_migration(const SocketAddress& local) const {
  if (closed_ || closing_) return {StatusCode::kUnavailable, "the connection is closed"};
  if (is_server_) {
    return {StatusCode::kFailedPrecondition,
            "only the side that dialled can migrate; the other one follows it"};
  }
  if (local.family() != remote_address().family()) {
    return {StatusCode::kInvalidArgument, "the local address " + local.to_string() +
                                              " is not of the same family as the peer's " +
                                              remote_address().to_string()};
  }
  const ngtcp2_transport_params* peer = ngtcp2_conn_get_remote_transport_params(connection_.get());
  if (open_ && peer != nullptr && peer->disable_active_migration != 0) {
    return {StatusCode::kFailedPrecondition,
            "the peer forbids migration (disable_active_migration)"};
  }
  return Status::ok();
}

Status Connection::migrate(LocalTime now, const SocketAddress& local) {
  if (Status status = check_migration(local); !status.is_ok()) return status;
  tick(now);
  if (!path_changes_.take(now_)) {
    return {StatusCode::kResourceExhausted,
            "this connection has migrated too often within a second; try again later"};
  }
  if (migrating_to_.is_set() && migration_waits_) {
    end_migration({StatusCode::kAborted, "another migration was begun"});
  }
  if (!is_confirmed_) {
    migrating_to_ = local;
    migration_waits_ = true;
    return Status::ok();
  }
  // One that goes on is aborted by ngtcp2, which tells, but only if this one can begin.
  if (Status status = begin_migration(now, local); !status.is_ok()) return status;
  migrating_to_ = local;
  changed();
  return Status::ok();
}

Status Connection::begin_migration(LocalTime now, const SocketAddress& local) {
  const NativeAddress native_local(local);
  const NativeAddress native_remote(remote_address());
  const ngtcp2_path path{native_local.get(), native_remote.get(), nullptr};
  switch (ngtcp2_conn_initiate_migration(connection_.get(), &path, tick(now))) {
    case 0:
      return Status::ok();
    case NGTCP2_ERR_INVALID_STATE:
      return {StatusCode::kFailedPrecondition,
              "the connection moves to the server's preferred address just now"};
    case NGTCP2_ERR_CONN_ID_BLOCKED:
      return {StatusCode::kResourceExhausted,
              "the peer has not given another connection id yet; try again a round trip later"};
    case NGTCP2_ERR_INVALID_ARGUMENT:
      return {StatusCode::kInvalidArgument, "the connection uses that socket already"};
    default:
      return {StatusCode::kInternal, "no memory for another path"};
  }
}

// Asked for before the handshake was confirmed.
void Connection::begin_waiting_migration(LocalTime now) {
  if (!is_confirmed_ || !migration_waits_) return;
  migration_waits_ = false;
  Status status = check_migration(migrating_to_);
  if (status.is_ok()) status = begin_migration(now, migrating_to_);
  if (!status.is_ok()) end_migration(std::move(status));
}

void Connection::end_migration(Status status) {
  migration_waits_ = false;
  migrations_.emplace_back(std::exchange(migrating_to_, {}), std::move(status));
  changed();
}

void Connection::on_path_validation(const ngtcp2_path& path, ngtcp2_path_validation_result result) {
  const bool is_proven = result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS;
  if (is_proven) {
    path_changed_ = true;
    // What the old path did to large packets says nothing about this one.
    unacknowledged_since_ = kNever;
    small_until_ = {};
    delivery_.reset();
    target_.reset();
  }
  if (!migrating_to_.is_set() || from_native(path.local) != migrating_to_) return;
  if (is_proven) {
    end_migration(Status::ok());
  } else if (result == NGTCP2_PATH_VALIDATION_RESULT_FAILURE) {
    end_migration({StatusCode::kUnavailable,
                   "the peer did not answer over the new path; the old one is still used"});
  } else {
    end_migration({StatusCode::kAborted, "another migration was begun"});
  }
}

// ---- What the path delivers.

void Connection::mark_sent(Priority priority, std::size_t bytes) {
  if (bytes == 0) return;
  sent_.add(now_, bytes);
  sent_by_priority_[std::min<std::size_t>(priority, sent_by_priority_.size() - 1)].add(now_, bytes);
}

void Connection::observe_acknowledgements() {
  if (newly_acknowledged_ == 0) return;
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(connection_.get(), &info);
  const auto duration = [](ngtcp2_duration of) { return Duration(static_cast<Duration::rep>(of)); };
  const Duration rtt = duration(info.smoothed_rtt);
  // A queue on the way says as clearly as a full window that the path takes no more.
  const bool is_queueing =
      duration(info.latest_rtt) > duration(info.min_rtt) + TargetRate::kHighDelay;
  const bool is_app_limited = info.bytes_in_flight < info.cwnd && !has_to_send() && !is_queueing;
  delivery_.on_acknowledged(now_, std::exchange(newly_acknowledged_, 0), rtt, is_app_limited);
  // What was sent a round trip ago should have been acknowledged by now.
  constexpr Duration kWindow = std::chrono::milliseconds(500);
  TargetRate::Observation seen;
  seen.latest_rtt = duration(info.latest_rtt);
  seen.smoothed_rtt = rtt;
  seen.congestion_window_bytes = info.cwnd;
  seen.delivered_bytes_per_s = delivery_.recent_bytes_per_s(now_);
  seen.acknowledged_bytes = delivery_.acknowledged().between(now_ - kWindow, now_);
  seen.sent_bytes = sent_.between(now_ - kWindow - rtt, now_ - rtt);
  target_.observe(now_, seen);
}

}  // namespace echostream::transport
