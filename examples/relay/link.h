// One direction of a bad network: takes datagrams, loses, delays, doubles and reorders some, and
// hands the rest out when their time has come. What happens to the n-th datagram follows from the
// seed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <random>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/unique_function.h"
#include "echostream/loop.h"

namespace relay {

struct LinkOptions {
  echostream::Duration delay{};
  /// Added to each datagram's delay, uniform in [0, jitter); datagrams may overtake each other.
  echostream::Duration jitter{};
  /// Probabilities, 0 to 1.
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;
  /// How much longer a reordered datagram takes.
  echostream::Duration reorder_by = std::chrono::milliseconds(10);
  /// 0 = unlimited. UDP payload only.
  std::uint64_t rate_bits_per_s = 0;
  /// What waits for the rate; more is lost.
  std::uint64_t queue_bytes = 256 * 1024;
};

/// Who a datagram belongs to: one UDP port that talks to the relay.
enum class ClientId : std::uint64_t {};

struct LinkStats {
  std::uint64_t received = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t lost = 0;
  std::uint64_t queue_full = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
};

class Link final : private echostream::TimerNode {
 public:
  using Deliver =
      echostream::UniqueFunction<void(ClientId, echostream::Ecn, echostream::BytesView)>;
  Link(echostream::Loop& loop, const LinkOptions& options, std::uint64_t seed, Deliver deliver);

  void send(ClientId client, echostream::Ecn ecn, echostream::BytesView data);
  const LinkStats& stats() const noexcept { return stats_; }

 private:
  struct Item {
    echostream::LocalTime due;
    std::uint64_t order;
    ClientId client;
    echostream::Ecn ecn;
    echostream::Buffer data;
    friend bool operator>(const Item& a, const Item& b) {
      return a.due != b.due ? a.due > b.due : a.order > b.order;
    }
  };
  // Everything that chance decides about one datagram.
  struct Fate {
    bool lost;
    bool duplicated;
    bool reordered;
    echostream::Duration jitter;
    echostream::Duration second_jitter;
  };

  void on_timer(echostream::LocalTime now) override;
  Fate draw_fate();
  double draw();
  echostream::Duration time_for(std::uint64_t bytes) const;
  /// When the datagram has left the queue of a link with a rate; nothing when there is no room.
  std::optional<echostream::LocalTime> departure(std::size_t bytes);
  void enqueue(Item item);

  echostream::Loop& loop_;
  LinkOptions options_;
  std::mt19937_64 random_;
  Deliver deliver_;
  echostream::LocalTime busy_until_{};
  std::uint64_t next_order_ = 0;
  std::size_t bytes_in_flight_ = 0;
  std::priority_queue<Item, std::vector<Item>, std::greater<>> items_;
  LinkStats stats_;
};

}  // namespace relay
