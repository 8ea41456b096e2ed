#include "link.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace relay {

using echostream::BytesView;
using echostream::Duration;
using echostream::Ecn;
using echostream::LocalTime;

namespace {

// What a long delay on a fast link may make us hold: about 2 s at 1 Gbit/s. More counts as a full
// queue.
constexpr std::size_t kMostBytesInFlight = 256 * 1024 * 1024;

}  // namespace

Link::Link(echostream::Loop& loop, const LinkOptions& options, std::uint64_t seed, Deliver deliver)
    : loop_(loop), options_(options), random_(seed), deliver_(std::move(deliver)) {}

// The standard's distributions differ between libraries; this is the same everywhere.
double Link::draw() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

// Always the same number of draws, so that one option does not change what another one does.
Link::Fate Link::draw_fate() {
  Fate fate{};
  const double jitter_ns = static_cast<double>(options_.jitter.count());
  fate.lost = draw() < options_.loss;
  fate.duplicated = draw() < options_.duplicate;
  fate.reordered = draw() < options_.reorder;
  fate.jitter = Duration(static_cast<Duration::rep>(draw() * jitter_ns));
  fate.second_jitter = Duration(static_cast<Duration::rep>(draw() * jitter_ns));
  return fate;
}

// How long the link needs for that many bytes.
Duration Link::time_for(std::uint64_t bytes) const {
  const double bits_per_ns = static_cast<double>(options_.rate_bits_per_s) / 1e9;
  return Duration(std::llround(8 * static_cast<double>(bytes) / bits_per_ns));
}

std::optional<LocalTime> Link::departure(std::size_t bytes) {
  const LocalTime now = loop_.now();
  if (bytes_in_flight_ + bytes > kMostBytesInFlight) return std::nullopt;
  if (options_.rate_bits_per_s == 0) return now;
  const LocalTime departs_at = std::max(now, busy_until_) + time_for(bytes);
  if (departs_at - now > time_for(options_.queue_bytes)) return std::nullopt;
  busy_until_ = departs_at;
  return departs_at;
}

void Link::send(ClientId client, Ecn ecn, BytesView data) {
  ++stats_.received;
  const Fate fate = draw_fate();
  if (fate.lost) {
    ++stats_.lost;
    return;
  }
  const auto departed_at = departure(data.size());
  if (!departed_at) {
    ++stats_.queue_full;
    return;
  }
  Item item{*departed_at + options_.delay + fate.jitter, 0, client, ecn,
            echostream::Buffer::copy(data)};
  if (fate.reordered) {
    ++stats_.reordered;
    item.due += options_.reorder_by;
  }
  if (fate.duplicated) {
    ++stats_.duplicated;
    Item copy = item;
    copy.due = *departed_at + options_.delay + fate.second_jitter;
    enqueue(std::move(copy));
  }
  enqueue(std::move(item));
}

void Link::enqueue(Item item) {
  item.order = next_order_++;
  bytes_in_flight_ += item.data.size();
  items_.push(std::move(item));
  loop_.arm(*this, items_.top().due);
}

void Link::on_timer(LocalTime now) {
  while (!items_.empty() && items_.top().due <= now) {
    const Item item = items_.top();
    items_.pop();
    bytes_in_flight_ -= item.data.size();
    ++stats_.forwarded;
    deliver_(item.client, item.ecn, item.data);
  }
  if (!items_.empty()) loop_.arm(*this, items_.top().due);
}

}  // namespace relay
