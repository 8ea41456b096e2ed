#include "runtime/sim/sim_tcp.h"

#include <algorithm>
#include <utility>

namespace echostream::testing {
namespace {

// What a system holds of one direction.
constexpr std::size_t kWindowBytes = 128 * 1024;
// Behind a cut link, until it is tried again.
constexpr Duration kRetry = std::chrono::milliseconds(200);

}  // namespace

void SimTcpConnection::join(SimTcpConnection& a, SimTcpConnection& b) {
  a.peer_ = &b;
  b.peer_ = &a;
}

// As systems do: who closes with bytes unread resets.
SimTcpConnection::~SimTcpConnection() {
  if (peer_ == nullptr) return;
  send(incoming_.empty() ? Kind::kEnd : Kind::kReset, {});
  peer_->peer_ = nullptr;
}

void SimTcpConnection::start(TcpHandler& handler) {
  handler_ = &handler;
  wait_for_next();
}

void SimTcpConnection::set_reading(bool on) {
  reads_ = on;
  wait_for_next();
}

std::size_t SimTcpConnection::write(BytesView bytes) {
  if (peer_ == nullptr) {
    // Nobody is there: the answer is a reset.
    incoming_.push_back({Kind::kReset, loop_.world().now, {}});
    wait_for_next();
    return bytes.size();
  }
  const std::size_t size = std::min(bytes.size(), kWindowBytes - unread_by_peer_);
  is_blocked_ = size < bytes.size();
  if (size > 0) send(Kind::kBytes, bytes.first(size));
  unread_by_peer_ += size;
  return size;
}

void SimTcpConnection::end_writing() {
  if (peer_ != nullptr) send(Kind::kEnd, {});
}

void SimTcpConnection::reset() {
  if (peer_ == nullptr) return;
  send(Kind::kReset, {});
  std::exchange(peer_, nullptr)->peer_ = nullptr;
}

void SimTcpConnection::send(Kind kind, BytesView bytes) {
  Simulation::Impl& world = loop_.world();
  const Duration at = world.now + world.link(loop_.name(), peer_->loop_.name()).options.delay;
  peer_->incoming_.push_back({kind, at, {bytes.begin(), bytes.end()}});
  peer_->wait_for_next();
}

// A reset counts at once, whatever came before it.
void SimTcpConnection::wait_for_next() {
  const auto reset = std::find_if(incoming_.begin(), incoming_.end(), [](const Segment& segment) {
    return segment.kind == Kind::kReset;
  });
  if (reset != incoming_.end()) incoming_.erase(incoming_.begin(), reset);
  if (handler_ == nullptr || incoming_.empty()) return disarm();
  if (!reads_ && incoming_.front().kind != Kind::kReset) return disarm();
  const Duration at = std::max(incoming_.front().at, loop_.world().now);
  loop_.arm(*this, loop_.to_local(at));
}

void SimTcpConnection::deliver() {
  Simulation::Impl& world = loop_.world();
  if (peer_ != nullptr && world.link(peer_->loop_.name(), loop_.name()).options.cut) {
    return loop_.arm(*this, loop_.to_local(world.now + kRetry));
  }
  while (handler_ != nullptr && !incoming_.empty() && incoming_.front().at <= world.now &&
         (reads_ || incoming_.front().kind == Kind::kReset)) {
    Segment segment = std::move(incoming_.front());
    incoming_.pop_front();
    deliver(std::move(segment));
  }
  wait_for_next();
}

void SimTcpConnection::deliver(Segment segment) {
  switch (segment.kind) {
    case Kind::kBytes:
      if (peer_ != nullptr) {
        peer_->unread_by_peer_ -= segment.bytes.size();
        if (peer_->is_blocked_ && !peer_->is_scheduled()) peer_->loop_.schedule(*peer_);
      }
      return handler_->handle_bytes(segment.bytes);
    case Kind::kEnd:
      return handler_->handle_end();
    case Kind::kReset:
      return std::exchange(handler_, nullptr)
          ->handle_failed(Status(StatusCode::kUnavailable, "the TCP connection was reset"));
  }
}

void SimTcpConnection::on_ready() {
  if (std::exchange(is_blocked_, false) && handler_ != nullptr) handler_->handle_writable();
}

Result<std::unique_ptr<TcpListener>> SimLoop::listen_tcp(
    const TcpOptions& options, UniqueFunction<void(std::unique_ptr<TcpConnection>)> accept) {
  std::uint16_t port = options.bind_to.port();
  while (port == 0) {
    port = next_port_++;
    if (listeners_.contains(port)) port = 0;
  }
  if (listeners_.contains(port)) {
    return Status(StatusCode::kUnavailable, "port " + std::to_string(port) + " is in use");
  }
  const SocketAddress local = options.bind_to.is_any() ? address() : options.bind_to;
  auto listener = std::make_unique<SimTcpListener>(*this, local.with_port(port), std::move(accept));
  listeners_[port] = listener.get();
  return std::unique_ptr<TcpListener>(std::move(listener));
}

std::unique_ptr<SimTcpConnection> SimLoop::connect_tcp(const SocketAddress& to) {
  SimLoop* server = world_.node_at(to);
  if (server == nullptr) return nullptr;
  const auto found = server->listeners_.find(to.port());
  if (found == server->listeners_.end()) return nullptr;
  const SocketAddress from = address().with_port(next_port_++);
  auto client = std::make_unique<SimTcpConnection>(*this, from, to);
  auto accepted = std::make_unique<SimTcpConnection>(*server, to, from);
  SimTcpConnection::join(*client, *accepted);
  found->second->accept(std::move(accepted));
  return client;
}

void SimLoop::forget(SimTcpListener& listener) {
  listeners_.erase(listener.local_address().port());
}

}  // namespace echostream::testing
