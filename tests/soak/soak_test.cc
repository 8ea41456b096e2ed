// A fleet's long life: links that get better and worse, NATs that forget, migrations, partitions
// that sessions survive and that they do not, nodes that are started anew. Nothing that RELIABLE
// promised may be lost, nothing may come later than EXPIRING allows, every question is answered or
// known to be unanswered, and memory stays flat.
//
// ECHOSTREAM_SOAK_HOURS sets how many simulated hours it lasts (default 4), ECHOSTREAM_SEED the
// seed. scripts/soak runs a day of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "tests/sim/random_link.h"
#include "tests/soak/memory_in_use.h"
#include "tests/soak/soak_world.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

double from_environment(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::atof(text) : otherwise;
}

// What happens to the fleet, one blow after the other.
class Fate {
 public:
  Fate(SoakWorld& world, std::uint64_t seed) : world_(world), random_(seed, 1) {
    for (const auto& client : world.clients) change_link(*client);
  }

  void strike() {
    SoakWorld::Member& client = *world_.clients[random_.below(world_.clients.size())];
    const double dice = random_.unit();
    if (dice < 0.55) {
      change_link(client);
    } else if (dice < 0.60) {
      ++migrations;
      world_.migrate(client);
    } else if (dice < 0.74) {
      ++rebinds;
      world_.sim.rebind(client.name, static_cast<std::uint16_t>(1 + random_.below(20'000)));
    } else if (dice < 0.86) {
      cut(client, some(random_, 15s));
    } else if (dice < 0.91) {
      cut(client, 35s + some(random_, 30s));
    } else if (dice < 0.97) {
      ++restarts;
      world_.restart(client, some(random_, 5s));
    } else {
      ++restarts;
      world_.restart(world_.server, some(random_, 10s));
    }
  }
  Duration pause() { return 5s + some(random_, 40s); }

  std::uint64_t migrations = 0;
  std::uint64_t rebinds = 0;
  std::uint64_t cuts = 0;
  std::uint64_t restarts = 0;

 private:
  // Slower ones would make everything slow that happens at the same time.
  LinkOptions some_link() {
    LinkOptions link = random_link(random_);
    if (link.rate_bits_per_s > 0)
      link.rate_bits_per_s = std::max(link.rate_bits_per_s, std::uint64_t{1'000'000});
    return link;
  }
  void change_link(SoakWorld::Member& client) {
    to_server_[client.address] = some_link();
    to_client_[client.address] = some_link();
    world_.set_link(client, to_server_[client.address], to_client_[client.address]);
  }
  void cut(SoakWorld::Member& client, Duration how_long) {
    ++cuts;
    LinkOptions there = to_server_[client.address];
    LinkOptions back = to_client_[client.address];
    const std::uint64_t which = random_.below(3);
    there.cut = which != 0;
    back.cut = which != 1;
    world_.set_link(client, there, back);
    world_.sim.run_for(how_long);
    world_.set_link(client, to_server_[client.address], to_client_[client.address]);
  }

  SoakWorld& world_;
  Random random_;
  std::array<LinkOptions, 256> to_server_;
  std::array<LinkOptions, 256> to_client_;
};

void print_hour(int hour, const SoakWorld& world, const Fate& fate, std::size_t bytes) {
  const SoakTally& all = world.tally;
  std::printf(
      "hour %2d: %llu sessions, %llu answers, %llu events, %llu whole streams, expiring %llu + "
      "%llu lost, datagrams %llu + %llu lost, %llu cuts, %llu migrations, %llu rebinds, %llu "
      "restarts, %zu KiB\n",
      hour, static_cast<unsigned long long>(all.sessions),
      static_cast<unsigned long long>(all.answers), static_cast<unsigned long long>(all.events),
      static_cast<unsigned long long>(all.reliable_streams),
      static_cast<unsigned long long>(all.expiring_frames),
      static_cast<unsigned long long>(all.expiring_lost),
      static_cast<unsigned long long>(all.datagram_frames),
      static_cast<unsigned long long>(all.datagram_lost),
      static_cast<unsigned long long>(fate.cuts), static_cast<unsigned long long>(fate.migrations),
      static_cast<unsigned long long>(fate.rebinds), static_cast<unsigned long long>(fate.restarts),
      bytes / 1024);
  std::fflush(stdout);
}

TEST(Soak, AFleetKeepsItsPromisesAndItsMemory) {
  const auto seed = static_cast<std::uint64_t>(from_environment("ECHOSTREAM_SEED", 1));
  const double hours = from_environment("ECHOSTREAM_SOAK_HOURS", 4);
  SoakWorld world(seed, 5);
  Fate fate(world, seed);
  std::size_t settled = 0;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  int hour = 0;
  while (world.sim.elapsed() < std::chrono::duration<double, std::ratio<3600>>(hours)) {
    world.sim.run_for(fate.pause());
    fate.strike();
    // A node dials again within a second; the handshake may lose all its packets a few times.
    ASSERT_TRUE(world.sim.run_until([&] { return world.all_connected(); }, 120s))
        << "not all are connected after " << world.sim.elapsed().count() << " ns, seed " << seed;
    least = std::min(least, memory_in_use());
    if (world.sim.elapsed() >= (hour + 1) * 1h) {
      print_hour(++hour, world, fate, least);
      // What the calmest moment of an hour holds settles in the first two, when every list and
      // every pool has had its worst time. Then it may wander a little, and not grow.
      if (hour <= 2) settled = std::max(settled, least);
      ASSERT_LE(least, settled + settled / 8 + 64 * 1024) << "memory grows, seed " << seed;
      least = std::numeric_limits<std::size_t>::max();
    }
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(world.tally.reliable_streams, static_cast<std::uint64_t>(100 * hours));
  EXPECT_GT(world.tally.expiring_frames, world.tally.expiring_lost);
}

}  // namespace
}  // namespace echostream::testing
