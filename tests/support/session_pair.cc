#include "tests/support/session_pair.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace echostream::testing {

SessionPair::SessionPair() : SessionPair(Options()) {}

SessionPair::SessionPair(const Options& chosen)
    : options(chosen),
      client(std::make_unique<End>(*this, true, chosen.client_limits)),
      server(std::make_unique<End>(*this, false, chosen.server_limits)) {
  client->peer = server.get();
  server->peer = client.get();
  client->session->handle_connected();
  server->session->handle_connected();
}

SessionPair::~SessionPair() = default;

bool SessionPair::step(std::uint64_t choice) {
  for (End* end : {client.get(), server.get()}) {
    if (end->closes.empty() || closed_) continue;
    closed_ = true;
    const Status status(StatusCode::kUnavailable, "closed: " + end->closes.front().second);
    client->session->handle_closed(status);
    server->session->handle_closed(status);
    return true;
  }
  if (closed_) return false;
  const std::vector<std::size_t> from_client = client->deliverable();
  const std::vector<std::size_t> from_server = server->deliverable();
  const std::size_t count = from_client.size() + from_server.size();
  if (count == 0) return false;
  const std::size_t index = choice % count;
  if (index < from_client.size()) {
    client->deliver(from_client[index]);
  } else {
    server->deliver(from_server[index - from_client.size()]);
  }
  return true;
}

void SessionPair::settle() {
  for (int i = 0; i < 1'000'000; ++i) {
    if (!step()) return;
  }
  FAIL() << "the sessions never come to rest";
}

std::size_t SessionPair::open_streams() const {
  std::set<StreamId> ids;
  for (const End* end : {client.get(), server.get()}) {
    for (const auto& [id, direction] : end->sending) ids.insert(id);
  }
  return ids.size();
}

SessionPair::End::End(SessionPair& owner, bool client_end, const Limits& limits)
    : pair(owner), is_client(client_end) {
  session =
      std::make_unique<core::Session>(owner.executor, *this, observer, limits, client_end ? 3 : 11);
}

Result<StreamId> SessionPair::End::open(std::int64_t kind) {
  if (open_count[kind] >= pair.options.streams) {
    return Status(StatusCode::kResourceExhausted, "no more streams now");
  }
  ++open_count[kind];
  const StreamId id{opened[kind]++ * 4 + kind + (is_client ? 0 : 1)};
  sending[id];
  return id;
}

void SessionPair::End::write(StreamId id, Buffer bytes, bool fin) {
  const auto found = sending.find(id);
  if (found == sending.end() || found->second.fin_written || found->second.reset_written) return;
  found->second.fin_written = fin;
  const std::size_t piece = pair.options.piece_bytes;
  while (bytes.size() > piece) {
    queue.push_back({Event::Kind::kData, id, bytes.slice(0, piece)});
    bytes.remove_prefix(piece);
  }
  if (!bytes.empty() || fin) queue.push_back({Event::Kind::kData, id, std::move(bytes), fin});
}

std::size_t SessionPair::End::unsent_bytes(StreamId id) const {
  std::size_t bytes = 0;
  for (const Event& event : queue) {
    if (event.kind == Event::Kind::kData && event.id == id) bytes += event.bytes.size();
  }
  return bytes;
}

void SessionPair::End::reset(StreamId id, core::WireError code) {
  const auto found = sending.find(id);
  if (found == sending.end() || found->second.reset_written || found->second.end_delivered) return;
  found->second.reset_written = true;
  std::erase_if(queue, [&](const Event& event) {
    return event.kind == Event::Kind::kData && event.id == id;
  });
  queue.push_back({Event::Kind::kReset, id, {}, false, static_cast<std::uint64_t>(code)});
}

void SessionPair::End::stop_sending(StreamId id, core::WireError code) {
  queue.push_back({Event::Kind::kStop, id, {}, false, static_cast<std::uint64_t>(code)});
}

void SessionPair::End::consume(StreamId id, std::size_t bytes) {
  std::size_t& left = unconsumed[id];
  EXPECT_GE(left, bytes) << "credit given back twice on stream " << id.value;
  left -= std::min(bytes, left);
}

std::size_t SessionPair::End::unconsumed_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, left] : unconsumed) bytes += left;
  return bytes;
}

void SessionPair::End::send_datagram(Buffer header, Buffer payload, core::Priority, LocalTime) {
  Buffer whole = Buffer::build(header.size() + payload.size(), [&](MutableBytes out) {
    std::copy(payload.view().begin(), payload.view().end(),
              std::copy(header.view().begin(), header.view().end(), out.begin()));
  });
  queue.push_back({Event::Kind::kDatagram, {}, std::move(whole)});
}

void SessionPair::End::send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime) {
  queue.push_back({Event::Kind::kDatagram, {}, std::move(datagram), false, tag});
}

void SessionPair::End::close(core::WireError code, std::string reason) {
  closes.emplace_back(code, std::move(reason));
}

// The first event of each stream, unless flow control holds it; every datagram.
std::vector<std::size_t> SessionPair::End::deliverable() const {
  std::vector<std::size_t> indices;
  std::set<StreamId> seen;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const Event& event = queue[i];
    if (event.kind == Event::Kind::kDatagram) {
      indices.push_back(i);
      continue;
    }
    if (!seen.insert(event.id).second) continue;
    const auto left = peer->unconsumed.find(event.id);
    const bool blocked = event.kind == Event::Kind::kData && !event.bytes.empty() &&
                         left != peer->unconsumed.end() &&
                         left->second >= pair.options.stream_window;
    if (!blocked) indices.push_back(i);
  }
  return indices;
}

void SessionPair::End::deliver(std::size_t index) {
  Event event = std::move(queue[index]);
  queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(index));
  const LocalTime now = pair.executor.now();
  switch (event.kind) {
    case Event::Kind::kData:
      deliver_data(std::move(event));
      return;
    case Event::Kind::kReset:
      // The peer may not have heard of its own direction yet.
      if (event.id.is_bidirectional() && is_ours(event.id)) peer->sending[event.id];
      sending[event.id].end_delivered = true;
      peer->session->handle_stream_reset(now, event.id, event.code);
      close_if_done(event.id);
      return;
    case Event::Kind::kStop:
      if (event.id.is_bidirectional() && is_ours(event.id) && sending.count(event.id) > 0) {
        peer->sending[event.id];
      }
      if (auto found = peer->sending.find(event.id);
          found != peer->sending.end() && !found->second.end_delivered) {
        peer->reset(event.id, static_cast<core::WireError>(event.code));
        peer->session->handle_stop_sending(now, event.id, event.code);
      }
      return;
    case Event::Kind::kDatagram:
      if (event.code != 0) session->handle_datagram_sent(now, event.code);
      peer->session->handle_datagram(now, event.bytes);
      return;
  }
}

void SessionPair::End::deliver_data(Event event) {
  const LocalTime now = pair.executor.now();
  if (event.id.is_bidirectional() && is_ours(event.id)) peer->sending[event.id];
  Direction& direction = sending[event.id];
  peer->unconsumed[event.id] += event.bytes.size();
  direction.end_delivered = event.fin;
  peer->session->handle_stream_data(now, event.id, event.bytes, event.fin);
  const auto found = sending.find(event.id);
  if (found != sending.end() && found->second.low_water &&
      unsent_bytes(event.id) <= *found->second.low_water) {
    found->second.low_water.reset();
    session->handle_stream_drained(now, event.id);
  }
  if (event.fin) close_if_done(event.id);
}

void SessionPair::End::close_if_done(StreamId id) {
  const auto done = [id](const End& end) {
    const auto found = end.sending.find(id);
    return !end.may_send(id) || (found != end.sending.end() && found->second.end_delivered);
  };
  if (!done(*this) || !done(*peer)) return;
  forget(id);
  peer->forget(id);
}

void SessionPair::End::forget(StreamId id) {
  sending.erase(id);
  session->handle_stream_closed(id);
  if (!is_ours(id)) return;
  --open_count[id.is_bidirectional() ? 0 : 2];
  session->handle_streams_available(pair.executor.now());
}

}  // namespace echostream::testing
