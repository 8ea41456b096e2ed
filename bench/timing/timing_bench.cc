// What the timing code costs for each frame and each exchange, and that it allocates nothing once
// it is warm. Not a test.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "runtime/timing/jitter_buffer.h"
#include "runtime/timing/peer_clock.h"
#include "runtime/timing/sync_group.h"

namespace {

std::size_t allocations = 0;

}  // namespace

// Counts what the program allocates; the library's own news go the same way. None is inlined: g++
// 12 would see malloc() meet operator delete, or operator new free(), and warn.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}

[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace echostream::timing {
namespace {

using namespace std::chrono_literals;

constexpr Duration kInterval = 20ms;

// Delays made beforehand, so that the loop measures the buffer alone.
std::vector<Duration> gamma_delays(std::size_t count) {
  std::mt19937_64 random(1);
  std::gamma_distribution<double> distribution(2, 3e6);
  std::vector<Duration> delays(count);
  for (Duration& delay : delays) {
    delay = 30ms + Duration(static_cast<std::int64_t>(distribution(random)));
  }
  return delays;
}

void insert_and_poll(benchmark::State& state) {
  const std::vector<Duration> delays = gamma_delays(4096);
  JitterBuffer buffer(JitterBufferOptions{});
  std::uint64_t sequence = 0;
  LocalTime last{};
  const auto one_frame = [&] {
    const Duration captured = static_cast<std::int64_t>(sequence) * kInterval;
    // In order, as most networks are.
    last = std::max(last, LocalTime(captured + delays[sequence % delays.size()]));
    buffer.insert({sequence++, RemoteTime(1h + captured), last});
    while (auto step = buffer.poll(last)) benchmark::DoNotOptimize(*step);
  };
  for (int i = 0; i < 3000; ++i) one_frame();
  const std::size_t before = allocations;
  for (auto _ : state) one_frame();
  state.counters["allocations"] = static_cast<double>(allocations - before);
}
BENCHMARK(insert_and_poll);

void clock_update(benchmark::State& state) {
  const auto hz = state.range(0);
  const std::vector<Duration> delays = gamma_delays(4096);
  PeerClock clock;
  LocalTime now{1h};
  std::size_t i = 0;
  const auto one_exchange = [&] {
    now += Duration(1'000'000'000 / hz);
    const Duration there = delays[i++ % delays.size()];
    const Duration back = delays[i++ % delays.size()];
    const RemoteTime at((now + there + 5s).time_since_epoch());
    clock.add_forward(now, at);
    clock.add_backward(at, now + there + back);
    benchmark::DoNotOptimize(clock.estimate(now + there + back));
  };
  for (int j = 0; j < 3000; ++j) one_exchange();
  const std::size_t before = allocations;
  for (auto _ : state) one_exchange();
  state.counters["allocations"] = static_cast<double>(allocations - before);
  state.counters["bytes"] = static_cast<double>(sizeof(PeerClock));
}
BENCHMARK(clock_update)->Arg(1)->Arg(5);

void clock_conversion(benchmark::State& state) {
  PeerClock clock;
  LocalTime now{1h};
  for (int i = 0; i < 100; ++i) {
    now += 1s;
    const RemoteTime at((now + 10ms).time_since_epoch());
    clock.add_forward(now, at);
    clock.add_backward(at, now + 20ms);
  }
  for (auto _ : state) {
    now += 1us;
    benchmark::DoNotOptimize(clock.to_remote(now));
  }
}
BENCHMARK(clock_conversion);

void sync_group_update(benchmark::State& state) {
  const auto members = static_cast<std::size_t>(state.range(0));
  SyncGroup group;
  LocalTime now{1h};
  std::vector<SyncGroup::MemberId> ids;
  for (std::size_t i = 0; i < members; ++i) ids.push_back(*group.join(0, 0ms, now));
  std::size_t turn = 0;
  const auto one_update = [&] {
    now += kInterval / static_cast<std::int64_t>(members);
    const SyncUpdate update{50ms + Duration(static_cast<std::int64_t>(turn % 7) * 100'000), 50ms,
                            0ms};
    benchmark::DoNotOptimize(group.update(ids[turn++ % members], update, now));
  };
  for (int i = 0; i < 3000; ++i) one_update();
  const std::size_t before = allocations;
  for (auto _ : state) one_update();
  state.counters["allocations"] = static_cast<double>(allocations - before);
}
BENCHMARK(sync_group_update)->Arg(2)->Arg(64);

}  // namespace
}  // namespace echostream::timing

BENCHMARK_MAIN();
