#include "bench/peers/ngtcp2/endpoint.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace bench::quic {
namespace {

std::uint64_t clock_now() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

}  // namespace

Endpoint::Endpoint(std::unique_ptr<UdpBatch> socket, std::shared_ptr<TlsContext> tls,
                   bool is_server, StreamHandler& handler)
    : socket_(std::move(socket)),
      tls_(std::move(tls)),
      is_server_(is_server),
      handler_(handler),
      now_(clock_now()) {}

Endpoint::~Endpoint() = default;

Connection& Endpoint::dial(const sockaddr_in& to) {
  now_ = clock_now();
  connections_.push_back(std::make_unique<Connection>(
      Connection::Setup{*this, handler_, *tls_, socket_->local(), to, now_}));
  touch(*connections_.back());
  return *connections_.back();
}

void Endpoint::close(Connection& connection) {
  now_ = clock_now();
  connection.write(*socket_, now_);  // what it has not acknowledged yet
  connection.close(*socket_, now_);
  socket_->flush();
  remove_over();
}

void Endpoint::turn(std::int64_t most_ns) {
  flush();
  std::int64_t wait = nanoseconds_to_timer();
  if (most_ns >= 0 && (wait < 0 || wait > most_ns)) wait = most_ns;
  socket_->wait(wait);
  now_ = clock_now();
  const UdpBatch::OnRun on_run = [this](Bytes data, std::size_t segment, const sockaddr_in& from) {
    while (!data.empty()) {
      const Bytes datagram = data.first(std::min(segment, data.size()));
      handle_datagram(datagram, from);
      data = data.subspan(datagram.size());
    }
  };
  while (socket_->receive(on_run) == UdpBatch::kMostReads) continue;
  handle_timers();
}

void Endpoint::flush() {
  now_ = clock_now();
  for (Connection* connection : touched_) connection->write(*socket_, now_);
  touched_.clear();
  socket_->flush();
  // A client looks itself whether its connection is over.
  if (is_server_) remove_over();
}

void Endpoint::handle_datagram(Bytes datagram, const sockaddr_in& from) {
  ngtcp2_version_cid header;
  if (ngtcp2_pkt_decode_version_cid(&header, datagram.data(), datagram.size(), kIdBytes) != 0 ||
      header.dcidlen != kIdBytes) {
    return;
  }
  Id id = 0;
  std::memcpy(&id, header.dcid, kIdBytes);
  const auto found = by_id_.find(id);
  Connection* connection = found != by_id_.end() ? found->second : nullptr;
  if (connection == nullptr && is_server_) connection = accept(datagram, from);
  if (connection == nullptr || connection->is_over()) return;
  connection->handle_datagram(datagram, now_);
  if (touched_.empty() || touched_.back() != connection) touch(*connection);
}

Connection* Endpoint::accept(Bytes datagram, const sockaddr_in& from) {
  ngtcp2_pkt_hd header;
  if (ngtcp2_accept(&header, datagram.data(), datagram.size()) != 0) return nullptr;
  const Connection::Setup setup{*this, handler_, *tls_, socket_->local(), from, now_};
  connections_.push_back(std::make_unique<Connection>(setup, header));
  return connections_.back().get();
}

// Looks at every connection: there is one in all rows that measure time.
std::int64_t Endpoint::nanoseconds_to_timer() const {
  std::uint64_t next = UINT64_MAX;
  for (const auto& connection : connections_) next = std::min(next, connection->expiry());
  if (next == UINT64_MAX) return -1;
  const std::uint64_t now = clock_now();
  return next <= now ? 0 : static_cast<std::int64_t>(next - now);
}

void Endpoint::handle_timers() {
  for (const auto& connection : connections_) {
    if (connection->is_over() || connection->expiry() > now_) continue;
    connection->handle_expiry(now_);
    touch(*connection);
  }
}

void Endpoint::remove_over() {
  std::erase_if(connections_, [this](const std::unique_ptr<Connection>& connection) {
    if (!connection->is_over()) return false;
    std::erase(touched_, connection.get());
    return true;
  });
}

}  // namespace bench::quic
