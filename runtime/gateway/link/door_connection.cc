#include "runtime/gateway/link/door_connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/api/session_state.h"

namespace echostream::gateway {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;
// A record of TLS holds that much (RFC 8446 5.1).
constexpr std::size_t kRecordBytes = 16 * 1024;
// What waits for the client beside a record: more of a response is made when less does.
constexpr std::size_t kMostUnsentBytes = 64 * 1024;
// Records that are read, and pieces of responses that are made, in one turn of the loop: others
// have their turn too. What one read takes may be thousands of small requests, or of small records.
constexpr int kMostStepsInATurn = 16;
// Closing while the client still sends would take back what it has not read yet (RFC 9112 9.6).
constexpr Duration kLinger = std::chrono::seconds(2);
constexpr std::size_t kMostDiscardedBytes = 1024 * 1024;
// Limits::stalled_peer_timeout counts who takes less than that in a second as one who takes none.
constexpr std::int64_t kLeastBytesPerSecond = 128;

transport::CloseInfo closed_because(Status why) {
  transport::CloseInfo info;
  info.status = std::move(why);
  return info;
}

}  // namespace

DoorConnection::DoorConnection(Owner& owner, std::unique_ptr<TcpConnection> tcp,
                               std::unique_ptr<transport::TlsStream> tls)
    : owner_(owner),
      remote_(tcp->remote_address()),
      tcp_(std::move(tcp)),
      tls_(std::move(tls)),
      deadline_(deadline_after(now(), owner.node().context.options.handshake_timeout)) {
  owner_.node().loop.arm(*this, deadline_);
  tcp_->start(*this);
}

LocalTime DoorConnection::now() const { return owner_.node().loop.now(); }

// What pump() itself brings about it sees to.
void DoorConnection::pump_soon() {
  if (!is_pumping_ && !is_scheduled() && !is_dead()) owner_.node().loop.schedule_last(*this);
}

// ---- From the byte stream.

void DoorConnection::handle_bytes(BytesView bytes) {
  if (is_dead()) return;
  if (stage_ == Stage::kClosing || stage_ == Stage::kLingering) {
    discarded_bytes_ += bytes.size();
    if (discarded_bytes_ > kMostDiscardedBytes) drop();
    return;
  }
  bytes_received_ += bytes.size();
  tls_->handle_bytes(owner_.node().loop.wall_time(), bytes);
  pump_soon();
}

void DoorConnection::handle_end() {
  has_ended_ = true;
  pump_soon();
}

void DoorConnection::handle_failed(const Status& why) {
  if (link_ != nullptr) end_session(closed_because(why));
  drop();
}

// ---- In all directions.

void DoorConnection::pump() {
  const LocalTime at = now();
  is_pumping_ = true;
  steps_left_ = kMostStepsInATurn;
  if (stage_ == Stage::kHandshake) go_on_with_handshake(at);
  send(at);  // what goes now makes room
  if (stage_ == Stage::kOpen) talk(at);
  send(at);
  if (stage_ == Stage::kClosing) finish_closing(at);
  if (stage_ == Stage::kLingering && has_ended_) drop();
  is_pumping_ = false;
  if (is_dead()) return;
  tcp_->set_reading(wants_bytes());
  // A node that is ready would run again in this turn.
  owner_.node().loop.arm(*this, goes_on_later() ? at : next_deadline());
}

bool DoorConnection::wants_bytes() const {
  return link_ == nullptr || (link_->http1().wants_bytes() && !goes_on_later());
}

void DoorConnection::go_on_with_handshake(LocalTime at) {
  using State = transport::TlsStream::State;
  if (tls_->state() == State::kFailed) {
    owner_.refused(remote_, tls_->error());
    return begin_closing();
  }
  if (tls_->state() != State::kHandshaking) return open_session(at);
  if (has_ended_) drop();
}

void DoorConnection::leave_handshake() {
  if (stage_ == Stage::kHandshake) owner_.handshake_over();
}

void DoorConnection::open_session(LocalTime at) {
  if (Status status = owner_.admit(); !status.is_ok()) {
    owner_.refused(remote_, status);
    return begin_closing();
  }
  leave_handshake();
  stage_ = Stage::kOpen;
  deadline_ = kNever;
  Http1Link::Carrier& carrier = *this;
  Http1Link::Client client{remote_, tcp_->local_address(), tls_->peer_identity(),
                           tls_->is_resumed()};
  auto link =
      std::make_unique<Http1Link>(carrier, std::move(client), owner_.gateway(), owner_.alt_svc());
  link_ = link.get();
  link_->bind(*owner_.node().add_session(std::move(link)));
  ++owner_.node().context.counts.sessions_accepted;
  link_->http1().handle_open(at);
}

void DoorConnection::talk(LocalTime at) {
  for (bool goes_on = true; goes_on && link_ != nullptr && steps_left_ > 0;) {
    goes_on = write(at);
    goes_on = (link_ != nullptr && read(at)) || goes_on;
  }
  if (link_ == nullptr || !link_->http1().is_over() || !writing_.empty()) return;
  const bool is_aborted = link_->http1().is_aborted();
  end_session(link_->http1().close_info());
  if (is_aborted) return drop();
  begin_closing();
}

// True when something has come of it.
bool DoorConnection::read(LocalTime at) {
  http1::Http1Connection& http1 = link_->http1();
  if (!http1.wants_bytes()) return false;
  std::array<std::uint8_t, kReadBytes> bytes;
  if (const std::size_t size = tls_->read(bytes); size > 0) {
    --steps_left_;
    http1.handle_bytes(at, BytesView(bytes).first(size));
    return true;
  }
  using State = transport::TlsStream::State;
  if (tls_->state() == State::kFailed) {
    end_session(closed_because(tls_->error()));
    begin_closing();
    return false;
  }
  if (end_is_told_ || (tls_->state() != State::kEnded && !has_ended_)) return false;
  end_is_told_ = true;
  http1.handle_end(at);
  return true;
}

bool DoorConnection::write(LocalTime at) {
  bool any = false;
  while (unsent_bytes() < kMostUnsentBytes && steps_left_ > 0) {
    if (writing_.empty()) {
      auto next = link_->http1().poll_output(at);
      if (!next) break;
      writing_ = *std::move(next);
    }
    const std::size_t size = std::min(writing_.size(), kRecordBytes);
    tls_->write(writing_.view().first(size));
    writing_ = writing_.slice(size);
    --steps_left_;
    any = true;
    send(at);
    if (is_dead()) break;
  }
  return any;
}

void DoorConnection::send(LocalTime at) {
  if (is_dead()) return;
  const std::vector<std::uint8_t> more = tls_->take_output();
  if (unsent_bytes() == 0) {
    unsent_.clear();
    sent_ = 0;
  }
  unsent_.insert(unsent_.end(), more.begin(), more.end());
  if (unsent_bytes() == 0) return;
  const std::size_t taken = tcp_->write(BytesView(unsent_).subspan(sent_));
  sent_ += taken;
  bytes_sent_ += taken;
  note_what_was_taken(at, taken);
  if (sent_ < unsent_.size() && sent_ < kMostUnsentBytes) return;
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(sent_));
  sent_ = 0;
}

// ---- Ends.

void DoorConnection::end_session(const transport::CloseInfo& info) {
  Http1Link& link = *std::exchange(link_, nullptr);
  link.http1().handle_closed(now(), info);
}

void DoorConnection::detached() {
  link_ = nullptr;
  drop();
}

void DoorConnection::begin_closing() {
  leave_handshake();
  stage_ = Stage::kClosing;
  deadline_ = idle_deadline(now());
  tls_->end();
  send(now());
}

void DoorConnection::finish_closing(LocalTime at) {
  if (unsent_bytes() > 0) return;
  tcp_->end_writing();
  stage_ = Stage::kLingering;
  deadline_ = deadline_after(at, kLinger);
}

void DoorConnection::drop() {
  if (is_dead()) return;
  leave_handshake();
  stage_ = Stage::kDead;
  disarm();
  owner_.over_soon();
}

// ---- Times.

void DoorConnection::note_what_was_taken(LocalTime at, std::size_t bytes) {
  if (unsent_bytes() == 0) {
    stall_since_ = kNever;
  } else if (stall_since_ == kNever) {
    stall_since_ = at;
    taken_bytes_ = 0;
  } else {
    taken_bytes_ += bytes;
  }
}

// One that has taken enough is watched anew.
bool DoorConnection::is_stalled(LocalTime at) {
  const Duration patience = owner_.node().context.options.limits.stalled_peer_timeout;
  if (patience <= Duration::zero() || stall_since_ == kNever) return false;
  if (at < deadline_after(stall_since_, patience)) return false;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
  const auto least = static_cast<std::size_t>(
      std::min<std::int64_t>(std::max<std::int64_t>(seconds, 1) * kLeastBytesPerSecond,
                             static_cast<std::int64_t>(kMostUnsentBytes)));
  if (taken_bytes_ < least) return true;
  stall_since_ = at;
  taken_bytes_ = 0;
  return false;
}

LocalTime DoorConnection::next_deadline() const {
  LocalTime next = deadline_;
  const Duration patience = owner_.node().context.options.limits.stalled_peer_timeout;
  if (link_ != nullptr) next = std::min(next, idle_deadline(link_->http1().idle_since()));
  if (stall_since_ != kNever && patience > Duration::zero()) {
    next = std::min(next, deadline_after(stall_since_, patience));
  }
  return next;
}

// NodeOptions::idle_timeout of zero is none, as over QUIC.
LocalTime DoorConnection::idle_deadline(LocalTime since) const {
  const Duration idle = owner_.node().context.options.idle_timeout;
  return since == kNever || idle == Duration::zero() ? kNever : deadline_after(since, idle);
}

void DoorConnection::on_timer(LocalTime at) {
  if (is_stalled(at)) {
    if (link_ != nullptr) {
      end_session(closed_because(Status(StatusCode::kUnavailable,
                                        "the peer has not read for too long "
                                        "(Limits::stalled_peer_timeout)")));
    }
    return drop();
  }
  if (at >= deadline_) {
    if (stage_ == Stage::kHandshake) {
      owner_.refused(
          remote_, Status(StatusCode::kDeadlineExceeded, "the handshake was not complete in time"));
    }
    return drop();
  }
  if (link_ != nullptr && at >= idle_deadline(link_->http1().idle_since())) {
    link_->http1().close(http3::Http3Error::kNoError, "nothing came for the idle timeout");
  }
  pump();
}

}  // namespace echostream::gateway
