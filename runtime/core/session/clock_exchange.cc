#include "runtime/core/session/clock_exchange.h"

#include <algorithm>

#include "runtime/core/frame/frames.h"

namespace echostream::core {
namespace {

// A probe that waited that long in our queue says nothing that the next one will not say better.
constexpr Duration kProbeLifetime = std::chrono::milliseconds(500);
// Frames at least that often count as a flow.
constexpr Duration kMediaPause = std::chrono::seconds(2);

// Tags of datagrams: which of the two, and its id, which is below 2^62.
std::uint64_t request_tag(std::uint64_t id) { return id * 4 + 1; }
std::uint64_t reply_tag(std::uint64_t id) { return id * 4 + 2; }

// SplitMix64 (Steele, Lea, Flood 2014): spreads probes in time, keeps no secret.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

ClockExchange::ClockExchange(Executor& executor, TransportPort& transport, std::uint64_t seed)
    : executor_(executor),
      transport_(transport),
      random_(seed),
      // From 1, with room for more probes than any session will send.
      sync_(1 + next_random(random_) % (kMaxVarint / 2)) {}

void ClockExchange::start() {
  started_ = transport_.max_datagram_bytes() > 0;
  arm();
}

void ClockExchange::stop() {
  started_ = false;
  disarm();
}

void ClockExchange::note_media(LocalTime now) {
  const bool was_busy = now < media_until_;
  media_until_ = now + kMediaPause;
  if (was_busy || !started_) return;
  sync_.set_busy(true);
  arm();
}

bool ClockExchange::handle_request(LocalTime arrived, BytesView datagram) {
  const auto id = read_clock_request(datagram);
  if (!id) return false;
  const auto reply = sync_.handle_request(arrived, executor_.now(), {*id});
  if (!reply) return true;
  const Buffer bytes = make_clock_reply(
      {reply->id, reply->received, reply->sent, reply->previous_id, reply->previous_sent});
  if (transport_.max_datagram_bytes() < bytes.size()) return true;
  transport_.send_stamped_datagram(bytes, reply_tag(*id), executor_.now() + kProbeLifetime);
  return true;
}

bool ClockExchange::handle_reply(LocalTime arrived, BytesView datagram) {
  const auto reply = read_clock_reply(datagram);
  if (!reply) return false;
  sync_.handle_reply(
      arrived, {reply->id, reply->received, reply->sent, reply->previous_id, reply->previous_sent});
  arm();
  return true;
}

void ClockExchange::handle_sent(LocalTime at, std::uint64_t tag) {
  if (tag % 4 == 1) {
    sync_.handle_request_sent(tag / 4, at);
  } else {
    sync_.handle_reply_sent(tag / 4, at);
  }
}

void ClockExchange::handle_path_change(LocalTime now) {
  sync_.handle_path_change(now);
  arm();
}

void ClockExchange::on_timer(LocalTime now) {
  if (now >= media_until_) sync_.set_busy(false);
  while (const auto request = sync_.poll(now, chance())) {
    const Buffer bytes = make_clock_request(request->id);
    if (transport_.max_datagram_bytes() < bytes.size()) break;
    transport_.send_stamped_datagram(bytes, request_tag(request->id), now + kProbeLifetime);
  }
  arm();
}

void ClockExchange::arm() {
  if (started_) executor_.arm(*this, std::max(sync_.next_deadline(), executor_.now()));
}

double ClockExchange::chance() { return static_cast<double>(next_random(random_) >> 11) * 0x1p-53; }

}  // namespace echostream::core
