// S08 and S09: a call that is cancelled, or whose deadline passes, at every moment of its life.
#include <gmock/gmock.h>

#include "tests/sim/traffic_pair.h"

namespace echostream::testing {
namespace {

using namespace std::chrono_literals;
using traffic::v1::Answer;
using traffic::v1::Note;
using traffic::v1::Piece;

enum class Kind { kRpc, kNested, kDownload, kUpload, kExpiring, kDatagramUpload, kNews };

std::string name_of(Kind kind) {
  switch (kind) {
    case Kind::kRpc:
      return "Rpc";
    case Kind::kNested:
      return "Nested";
    case Kind::kDownload:
      return "Download";
    case Kind::kUpload:
      return "Upload";
    case Kind::kExpiring:
      return "Expiring";
    case Kind::kDatagramUpload:
      return "DatagramUpload";
    case Kind::kNews:
      return "News";
  }
  return "";
}

class EveryMoment : public ::testing::TestWithParam<Kind> {
 protected:
  // A round trip of 20 ms, on which large messages take a while.
  static TrafficOptions world() {
    TrafficOptions options;
    LinkOptions link;
    link.delay = 10ms;
    link.rate_bits_per_s = 20'000'000;
    options.set_link(link);
    return options;
  }

  static bool is_upload() {
    return GetParam() == Kind::kUpload || GetParam() == Kind::kDatagramUpload;
  }

  // One call of the kind, whole in about 90 ms.
  static Task<Status> call(TrafficPair& pair, std::int64_t id, CallOptions options) {
    auto client = pair.client.client();
    const traffic::v1::Order what = order(8, 5ms, 5000);
    switch (GetParam()) {
      case Kind::kRpc:
      case Kind::kNested: {
        traffic::v1::Question asked = question(id, 50'000);
        asked.set_work_ms(GetParam() == Kind::kRpc ? 20 : 1);
        asked.set_ask_back(GetParam() == Kind::kNested);
        auto answer = co_await client.Ask(std::move(asked), std::move(options));
        co_return answer.status();
      }
      case Kind::kDownload:
      case Kind::kExpiring: {
        const bool reliable = GetParam() == Kind::kDownload;
        auto opening = reliable ? client.Download(what, std::move(options))
                                : client.Expiring(what, std::move(options));
        Reader<Piece> reader = co_await std::move(opening);
        auto reading = read_pieces(pair, pair.client, std::move(reader),
                                   reliable ? Delivery::kReliable : Delivery::kExpiring);
        StreamResult result = co_await std::move(reading);
        co_return result.status;
      }
      case Kind::kUpload:
      case Kind::kDatagramUpload: {
        auto opening = GetParam() == Kind::kUpload ? client.Upload(std::move(options))
                                                   : client.DatagramUpload(std::move(options));
        auto stream = co_await std::move(opening);
        auto writing = write_pieces(pair.sim, std::move(stream), what);
        Status status = co_await std::move(writing);
        co_return status;
      }
      case Kind::kNews: {
        Reader<Note> reader = co_await client.News({}, std::move(options));
        while (auto frame = co_await reader.next()) {
        }
        co_return reader.status();
      }
    }
    co_return Status::ok();
  }
};

TEST_P(EveryMoment, S09_ADeadlineEndsTheCallThenAndLeavesNothing) {
  TrafficPair pair(world());
  ASSERT_TRUE(pair.connect().is_ok());
  int exceeded = 0, fine = 0;
  for (Duration timeout = 100us; timeout < 150ms; timeout += 700us) {
    const Duration before = pair.now();
    auto status = pair.run(call(pair, timeout / 100us, CallOptions().timeout(timeout)));
    ASSERT_TRUE(status);
    if (status->is_ok()) {
      ++fine;
      EXPECT_LE(pair.now() - before, timeout);
    } else {
      ++exceeded;
      EXPECT_EQ(status->code(), StatusCode::kDeadlineExceeded) << *status;
      // A writer hears of it when it writes again.
      const Duration pause = is_upload() ? 5ms : 0ms;
      EXPECT_GE(pair.now() - before, timeout);
      EXPECT_LE(pair.now() - before, timeout + pause);
    }
    pair.sim.run_for(100ms);
    EXPECT_EQ(pair.server.handler->running, 0) << "after " << timeout.count() << " ns";
    EXPECT_EQ(pair.client.handler->running, 0);
  }
  EXPECT_GT(exceeded, 20);
  if (GetParam() != Kind::kNews) {
    EXPECT_GT(fine, 20);
  }
  EXPECT_TRUE(pair.client.session->is_open());
}

TEST_P(EveryMoment, S08_ADroppedCallEndsItsHandlerAndLeavesNothing) {
  TrafficPair pair(world());
  ASSERT_TRUE(pair.connect().is_ok());
  for (Duration patience{}; patience < 150ms; patience += 700us) {
    {
      std::optional<Status> slot;
      TaskGroup group(*pair.client.loop);
      group.spawn(internal::store(call(pair, patience / 100us + 10'000, CallOptions()), slot));
      pair.sim.run_for(patience);
    }
    // One way, and what the link still holds.
    pair.sim.run_for(60ms);
    EXPECT_EQ(pair.server.handler->running, 0) << "after " << patience.count() << " ns";
    EXPECT_EQ(pair.client.handler->running, 0);
  }
  EXPECT_TRUE(pair.client.session->is_open());
  auto answer = pair.run(pair.client.client().Ask(question(999'999)));
  EXPECT_TRUE(*answer) << answer->status();
}

// The other end gives up: the whole session goes, at every moment.
TEST_P(EveryMoment, S08_ASessionThatClosesEndsTheCallOnceWithUnavailable) {
  for (Duration patience{}; patience < 120ms; patience += 7ms) {
    TrafficPair pair(world());
    ASSERT_TRUE(pair.connect().is_ok());
    std::optional<Status> slot;
    TaskGroup group(*pair.client.loop);
    group.spawn(internal::store(call(pair, 1, CallOptions()), slot));
    pair.sim.run_for(patience);
    const bool was_over = slot.has_value();
    pair.server.session->close("enough");
    ASSERT_TRUE(pair.wait_until([&] { return slot.has_value(); }, 1s));
    // The answer may have been on its way.
    if (was_over || !slot->is_ok()) {
      EXPECT_EQ(slot->code(), was_over ? StatusCode::kOk : StatusCode::kUnavailable) << *slot;
    }
    pair.sim.run_for(1ms);
    EXPECT_EQ(pair.server.handler->running, 0);
    EXPECT_EQ(pair.client.handler->running, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryMoment,
                         ::testing::Values(Kind::kRpc, Kind::kNested, Kind::kDownload,
                                           Kind::kUpload, Kind::kExpiring, Kind::kDatagramUpload,
                                           Kind::kNews),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace echostream::testing
