#include "tests/sim/random_link.h"

#include <array>
#include <cstdio>

namespace echostream::testing {

using namespace std::chrono_literals;

Duration some(Random& random, Duration most) {
  return Duration(
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

LinkOptions random_link(Random& random) {
  LinkOptions link;
  link.delay = some(random, random.chance(0.5) ? 20ms : 200ms);
  if (random.chance(0.5)) link.jitter = some(random, 30ms);
  if (random.chance(0.6)) link.loss = 0.05 * random.unit();
  if (random.chance(0.4)) {
    link.burst_enter = 0.005;
    link.burst_leave = 0.2 + 0.3 * random.unit();
  }
  if (random.chance(0.4)) link.duplicate = 0.05;
  if (random.chance(0.4)) {
    link.reorder = 0.1;
    link.reorder_by = some(random, 40ms);
  }
  if (random.chance(0.2)) link.corrupt = 0.01;
  if (random.chance(0.2)) link.mtu = 1280 + random.below(200);
  if (random.chance(0.5)) {
    link.rate_bits_per_s =
        std::array{500'000u, 1'000'000u, 3'000'000u, 20'000'000u}[random.below(4)];
    link.queue_bytes = std::array{10'000u, 40'000u, 100'000u}[random.below(3)];
  }
  return link;
}

std::string describe(const LinkOptions& link) {
  char text[200];
  std::snprintf(text, sizeof text,
                "delay %.0f+%.0f ms, loss %.3f, bursts %.3f/%.2f, dup %.2f, reorder %.1f by %.0f "
                "ms, corrupt %.2f, mtu %zu, rate %.1f Mbit/s, queue %zu",
                static_cast<double>(link.delay.count()) * 1e-6,
                static_cast<double>(link.jitter.count()) * 1e-6, link.loss, link.burst_enter,
                link.burst_leave, link.duplicate, link.reorder,
                static_cast<double>(link.reorder_by.count()) * 1e-6, link.corrupt, link.mtu,
                static_cast<double>(link.rate_bits_per_s) * 1e-6, link.queue_bytes);
  return text;
}

}  // namespace echostream::testing
