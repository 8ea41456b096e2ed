#include "runtime/api/memory_link.h"

#include <algorithm>
#include <utility>

#include "echostream/testing/memory_session.h"

#include "runtime/api/node_impl.h"

namespace echostream::internal {

MemoryLink::~MemoryLink() {
  if (peer_ != nullptr) {
    peer_->peer_ = nullptr;
    peer_->closing_ = Status(StatusCode::kUnavailable, "the peer is gone");
    executor_.schedule(*peer_);
  }
}

void MemoryLink::join(MemoryLink& a, MemoryLink& b) {
  a.peer_ = &b;
  b.peer_ = &a;
}

Result<StreamId> MemoryLink::open(std::int64_t& next, std::int64_t kind) {
  if (open_streams_ >= kMaxOpenStreams) {
    return Status(StatusCode::kResourceExhausted, "the peer allows no more streams now");
  }
  const StreamId id{next++ * 4 + kind + (is_client_ ? 0 : 1)};
  streams_[id];
  ++open_streams_;
  return id;
}

MemoryLink::Outgoing* MemoryLink::outgoing(StreamId id) {
  const auto found = streams_.find(id);
  return peer_ == nullptr || found == streams_.end() ? nullptr : &found->second;
}

// The peer gets its direction of a bidirectional stream with the first that arrives on ours.
void MemoryLink::announce(StreamId id, Outgoing& stream) {
  if (std::exchange(stream.announced, true)) return;
  if (id.is_bidirectional() && is_ours(id)) peer_->streams_[id];
}

void MemoryLink::write(StreamId id, Buffer bytes, bool fin) {
  Outgoing* stream = outgoing(id);
  if (stream == nullptr || stream->fin || stream->reset_code) return;
  stream->queued_bytes += bytes.size();
  if (!bytes.empty()) stream->queue.push_back(std::move(bytes));
  stream->fin = fin;
  dirty_.insert(id);
  executor_.schedule(*this);
}

std::size_t MemoryLink::unsent_bytes(StreamId id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? 0 : found->second.queued_bytes;
}

void MemoryLink::notify_when_drained(StreamId id, std::size_t low_water_bytes) {
  if (Outgoing* stream = outgoing(id)) stream->low_water_bytes = low_water_bytes;
}

void MemoryLink::reset(StreamId id, core::WireError code) {
  Outgoing* stream = outgoing(id);
  if (stream == nullptr || stream->ended || stream->reset_code) return;
  stream->queue.clear();
  stream->queued_bytes = 0;
  stream->reset_code = static_cast<std::uint64_t>(code);
  dirty_.insert(id);
  executor_.schedule(*this);
}

void MemoryLink::stop_sending(StreamId id, core::WireError code) {
  stops_.emplace_back(id, static_cast<std::uint64_t>(code));
  executor_.schedule(*this);
}

void MemoryLink::consume(StreamId id, std::size_t bytes) {
  if (peer_ == nullptr) return;
  const auto found = peer_->streams_.find(id);
  if (found == peer_->streams_.end()) return;
  found->second.unconsumed_bytes -= std::min(found->second.unconsumed_bytes, bytes);
  if (found->second.queue.empty()) return;
  peer_->dirty_.insert(id);
  executor_.schedule(*peer_);
}

void MemoryLink::send_datagram(Buffer header, Buffer payload, core::Priority, LocalTime) {
  Buffer whole = Buffer::build(header.size() + payload.size(), [&](MutableBytes out) {
    const auto next = std::copy(header.view().begin(), header.view().end(), out.begin());
    std::copy(payload.view().begin(), payload.view().end(), next);
  });
  datagrams_.push_back({std::move(whole), 0});
  executor_.schedule(*this);
}

void MemoryLink::send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime) {
  datagrams_.push_back({std::move(datagram), tag});
  executor_.schedule(*this);
}

void MemoryLink::close(core::WireError code, std::string reason) {
  const bool is_error = code != core::WireError::kNone;
  std::string text = reason.empty() ? "the session was closed" : std::move(reason);
  if (const auto refused = core::refusal_code(static_cast<std::uint64_t>(code))) {
    refusal_ = refused_by_peer(*refused, text);
  }
  closing_ = Status(is_error ? StatusCode::kInternal : StatusCode::kUnavailable, std::move(text));
  executor_.schedule(*this);
}

void MemoryLink::on_ready() {
  if (closing_) {
    const Status status = *closing_;
    MemoryLink* peer = peer_;
    const Status of_peer = refusal_ ? *refusal_ : status;
    end(status);
    if (peer != nullptr) peer->end(of_peer);
    return;
  }
  for (const auto& [id, code] : std::exchange(stops_, {})) {
    // As a QUIC connection does: the sender answers with a reset of its own.
    if (Outgoing* stream = peer_->outgoing(id); stream != nullptr && !stream->ended) {
      peer_->reset(id, static_cast<core::WireError>(code));
      peer_->session_->engine().handle_stop_sending(executor_.now(), id, code);
    }
  }
  for (const StreamId id : std::exchange(dirty_, {})) deliver(id);
  for (const Datagram& datagram : std::exchange(datagrams_, {})) {
    const LocalTime now = executor_.now();
    if (datagram.tag != 0) session_->engine().handle_datagram_sent(now, datagram.tag);
    peer_->session_->engine().handle_datagram(now, datagram.bytes);
  }
}

void MemoryLink::deliver(StreamId id) {
  Outgoing* stream = outgoing(id);
  if (stream == nullptr || stream->ended) return;
  core::Session& engine = peer_->session_->engine();
  announce(id, *stream);
  if (stream->reset_code) {
    stream->ended = true;
    engine.handle_stream_reset(executor_.now(), id, *stream->reset_code);
    close_if_done(id);
    return;
  }
  while (!stream->queue.empty() && stream->unconsumed_bytes < kStreamWindowBytes) {
    const Buffer bytes = std::move(stream->queue.front());
    stream->queue.pop_front();
    stream->queued_bytes -= bytes.size();
    stream->unconsumed_bytes += bytes.size();
    engine.handle_stream_data(executor_.now(), id, bytes, false);
    if (stream->reset_code) return;  // what arrived made the peer stop us; delivered next time
  }
  if (stream->low_water_bytes && stream->queued_bytes <= *stream->low_water_bytes) {
    stream->low_water_bytes.reset();
    session_->engine().handle_stream_drained(executor_.now(), id);
  }
  if (!stream->queue.empty() || !stream->fin) return;
  stream->ended = true;
  engine.handle_stream_data(executor_.now(), id, {}, true);
  close_if_done(id);
}

void MemoryLink::close_if_done(StreamId id) {
  const auto done = [id](const MemoryLink& link) {
    const auto found = link.streams_.find(id);
    return !link.may_send(id) || (found != link.streams_.end() && found->second.ended);
  };
  if (!done(*this) || !done(*peer_)) return;
  close_stream(id);
  peer_->close_stream(id);
}

void MemoryLink::close_stream(StreamId id) {
  streams_.erase(id);
  dirty_.erase(id);
  session_->engine().handle_stream_closed(id);
  if (!is_ours(id)) return;
  --open_streams_;
  session_->engine().handle_streams_available(executor_.now());
}

void MemoryLink::end(const Status& status) {
  peer_ = nullptr;
  closing_.reset();
  streams_.clear();
  dirty_.clear();
  stops_.clear();
  datagrams_.clear();
  session_->handle_closed(status);
}

}  // namespace echostream::internal

namespace echostream::testing {

std::pair<Session, Session> connect_in_memory(Node& a, Node& b) {
  using internal::MemoryLink;
  auto link_a = std::make_unique<MemoryLink>(a.loop(), true);
  auto link_b = std::make_unique<MemoryLink>(b.loop(), false);
  MemoryLink& end_a = *link_a;
  MemoryLink& end_b = *link_b;
  MemoryLink::join(end_a, end_b);
  auto session_a = a.impl().add_session(std::move(link_a));
  auto session_b = b.impl().add_session(std::move(link_b));
  ++a.impl().context.counts.sessions_dialled;
  ++b.impl().context.counts.sessions_accepted;
  end_a.bind(*session_a);
  end_b.bind(*session_b);
  session_a->handle_connected();
  session_b->handle_connected();
  return {Session(session_a), Session(session_b)};
}

}  // namespace echostream::testing
