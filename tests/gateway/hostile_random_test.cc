// Frames, fields and table instructions at random, in pieces of any size: whatever a client writes,
// the node goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/sim/random.h"
#include "tests/gateway/hostile_lab.h"
#include "tests/support/seeds.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;

class RandomClient {
 public:
  RandomClient(HostileLab& lab, std::uint64_t seed) : lab_(lab), random_(seed, 1) {
    RawHttpOptions options;
    if (below(4) == 0) options.control = h3::varint(h3::kControl) + frames(true);
    client_ = lab_.attacker(std::move(options));
  }

  void act() {
    for (int steps = 0; steps < 30 && !client_->is_closed(); ++steps) {
      step();
      if (below(3) != 0) lab_.run_for(1ms);
    }
    lab_.run_for(10ms);
  }
  RawHttpClient& client() { return *client_; }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_.below(limit); }
  template <class T>
  const T& any_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

  std::string bytes(std::size_t most) {
    std::string made(below(most + 1), '\0');
    for (char& byte : made) byte = static_cast<char>(random_.next());
    return made;
  }
  std::uint64_t number() {
    return any_of<std::uint64_t>(
        {0, 1, 2, 3, 4, 8, 63, 64, 1000, 16384, 0x3fffffff, 0x3fffffffffffffff, below(100)});
  }
  std::string section() {
    http3::Fields fields{
        {":method", any_of<std::string>({"POST", "GET", "OPTIONS", "CONNECT"})},
        {":scheme", "https"},
        {":authority", "a"},
        {":path", "/lab.v1.Lab/" + any_of<std::string>({"Echo", "Sum", "Note"})},
        {"content-type", any_of<std::string>({"application/json", "x", "application/grpc+json"})},
        {"priority", any_of<std::string>({"u=1", "u=9, i", "i", "\"", ""})},
        {"content-length", std::to_string(number())},
        {"te", "trailers"}};
    if (below(3) != 0) return h3::section(fields);
    http3::Fields some;
    for (const http3::Field& field : fields) {
      if (below(3) != 0) some.add(field.name, below(8) == 0 ? bytes(20) : field.value);
    }
    return h3::section(some);
  }
  std::string payload(std::uint64_t type) {
    switch (type) {
      case h3::kHeaders:
        return section();
      case h3::kSettings:
        return h3::settings({{number(), number()}, {number(), number()}}).substr(2);
      case h3::kPriorityUpdate:
        return h3::varint(number()) + any_of<std::string>({"u=1", "", "i", bytes(10)});
      case h3::kData:
        return any_of<std::string>({"{}", envelope("{}"), bytes(40)});
      default:
        return h3::varint(number());
    }
  }
  std::string frame() {
    const std::uint64_t type = any_of<std::uint64_t>(
        {h3::kData, h3::kData, h3::kHeaders, h3::kHeaders, h3::kCancelPush, h3::kSettings,
         h3::kPushPromise, h3::kGoaway, h3::kMaxPushId, h3::kPriorityUpdate, h3::kPriorityUpdate,
         0xf0701, 0x21, 0x02, number()});
    std::string made = h3::frame(type, payload(type));
    if (below(8) == 0) made = h3::frame_head(type, number()) + payload(type);
    if (below(8) == 0) made[below(made.size())] = static_cast<char>(random_.next());
    return made;
  }
  std::string frames(bool with_settings) {
    std::string made = with_settings && below(4) != 0 ? h3::settings({}) : "";
    for (std::uint64_t left = below(4); left > 0; --left) made += frame();
    return made;
  }
  // Those that a table takes (RFC 9204 4.3, 4.4), and what looks like them.
  std::string instructions() {
    return any_of<std::string>({h3::prefixed(0x20, 5, below(5000)),
                                h3::prefixed(0x40, 5, 1) + "n" + h3::prefixed(0, 7, 2) + "vv",
                                h3::prefixed(0x80, 6, below(70)) + h3::prefixed(0, 7, 1) + "v",
                                h3::prefixed(0x00, 5, below(3)), h3::prefixed(0x40, 6, below(9)),
                                bytes(6)});
  }

  void write(StreamId id, const std::string& what, bool fin) {
    const std::size_t cut = below(what.size() + 1);
    client_->write(id, std::string_view(what).substr(0, cut));
    if (below(2) == 0) lab_.run_for(1ms);
    client_->write(id, std::string_view(what).substr(cut), fin);
  }
  void step() {
    switch (below(10)) {
      case 0:
        return write(client_->control, frames(false), false);
      case 1:
        return write(client_->encoder, instructions(), below(50) == 0);
      case 2:
        return write(client_->decoder, instructions(), below(50) == 0);
      case 3:
        if (below(10) == 0) client_->open_unidirectional(bytes(10));
        return;
      case 4:
      case 5:
        if (ids_.empty()) return;
        if (below(2) == 0) return client_->reset(any_of(ids_), number());
        return client_->stop_sending(any_of(ids_), number());
      case 6:
      case 7:
        if (!ids_.empty()) write(any_of(ids_), frames(false), below(4) == 0);
        return;
      default: {
        const StreamId id = client_->request(h3::frame(h3::kHeaders, section()), below(3) == 0);
        if (id.is_valid()) ids_.push_back(id);
      }
    }
  }

  HostileLab& lab_;
  Random random_;
  std::unique_ptr<RawHttpClient> client_;
  std::vector<StreamId> ids_;
};

TEST(HostileRandom, H01_WhateverAClientWritesTheNodeGoesOn) {
  HostileLab lab;
  const std::size_t before = live_bytes();
  for_each_seed(400, [&](std::uint64_t seed) {
    RandomClient random(lab, seed);
    random.act();
    lab.closed_at_server.clear();
    if (seed % 20 == 0) {
      EXPECT_TRUE(lab.serves_others());
    }
  });
  EXPECT_TRUE(lab.serves_others());
  lab.run_for(60s);
  EXPECT_LT(live_bytes(), before + 4'000'000);
}

}  // namespace
}  // namespace echostream::testing
