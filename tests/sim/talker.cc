#include "tests/sim/talker.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace echostream::testing {

using namespace std::chrono_literals;
using traffic::v1::Answer;
using traffic::v1::Note;
using traffic::v1::Order;
using traffic::v1::Piece;
using traffic::v1::Question;
using traffic::v1::Topic;
using Side = TrafficPair::Side;

void TalkerRun::note(const Side& side, const std::string& text) {
  lines.push_back(std::to_string(pair.now().count()) + " " + side.name + " " + text);
  static const bool is_printed = std::getenv("ECHOSTREAM_PRINT") != nullptr;
  if (is_printed) std::fprintf(stderr, "%s\n", lines.back().c_str());
}

namespace {

std::chrono::milliseconds some_ms(Random& random, std::uint64_t least, std::uint64_t most) {
  return std::chrono::milliseconds(least + random.below(most - least + 1));
}

// Mostly small, sometimes many packets.
std::size_t some_bytes(Random& random) {
  return random.chance(0.1) ? 10'000 + random.below(40'000) : random.below(1500);
}

// Counts a call from its start to its end or to where it was dropped.
class CallCount {
 public:
  explicit CallCount(TalkerRun& run) : run_(run) { ++run_.calls_started; }
  ~CallCount() { ++run_.calls_ended; }
  CallCount(const CallCount&) = delete;
  CallCount& operator=(const CallCount&) = delete;

 private:
  TalkerRun& run_;
};

void check_answer(const Question& asked, const Result<Answer>& answer, bool has_deadline) {
  if (!answer && has_deadline && answer.error().code() == StatusCode::kDeadlineExceeded) return;
  if (asked.fail_code() != 0) {
    ASSERT_FALSE(answer) << asked.id();
    EXPECT_EQ(answer.error(),
              Status(static_cast<StatusCode>(asked.fail_code()), "as it was asked for"));
    return;
  }
  ASSERT_TRUE(answer) << asked.id() << ": " << answer.status();
  EXPECT_EQ(answer->id(), asked.id());
  EXPECT_EQ(answer->payload(), asked.payload());
}

Task<void> ask(TalkerRun& run, Side& side, Question asked, std::optional<Duration> timeout) {
  const CallCount count(run);
  CallOptions options = timeout ? CallOptions().timeout(*timeout) : CallOptions();
  const LocalTime before = side.loop->now();
  Task<Result<Answer>> asking = side.client().Ask(asked, std::move(options));
  auto answer = co_await std::move(asking);
  run.note(side, "ask " + std::to_string(asked.id()) + " " + answer.status().to_string());
  check_answer(asked, answer, timeout.has_value());
  if (timeout) {
    // A drifting clock shows the moment of a timer a nanosecond late.
    EXPECT_LE(side.loop->now() - before, *timeout + 1ns) << "a deadline was overrun";
  }
}

Task<void> ask_something(TalkerRun& run, Side& side, Random& random) {
  Question asked = question(run.next_question(), some_bytes(random));
  if (random.chance(0.5)) asked.set_work_ms(static_cast<std::int64_t>(random.below(300)));
  if (random.chance(0.15)) asked.set_fail_code(static_cast<int>(1 + random.below(16)));
  if (random.chance(0.15)) asked.set_ask_back(true);
  std::optional<Duration> timeout;
  if (random.chance(0.3)) timeout = some_ms(random, 1, 800);
  if (!random.chance(0.15)) {
    co_await ask(run, side, std::move(asked), timeout);
    co_return;
  }
  // Dropped in the middle.
  const Duration patience = some_ms(random, 0, 400);
  TaskGroup group(*side.loop);
  group.spawn(ask(run, side, std::move(asked), timeout));
  (void)co_await sleep_for(patience);
  run.note(side, "dropped the question");
}

Task<void> tell_something(TalkerRun& run, Side& side, std::int64_t talker, Random& random) {
  std::int64_t& told = run.told[side.name][talker];
  const std::uint64_t many = 1 + random.below(10);
  for (std::uint64_t i = 0; i < many; ++i) {
    Note note;
    note.set_work_ms(static_cast<std::int64_t>(random.chance(0.3) ? random.below(100) : 0));
    note.set_payload(std::string(some_bytes(random), 'n'));
    note.set_number(talker * kNotesPerTalker + told++);
    Task<Status> telling = side.client().Tell(std::move(note));
    Status status = co_await std::move(telling);
    EXPECT_TRUE(status.is_ok()) << status;
  }
  run.note(side, "told up to " + std::to_string(told));
}

struct NewsTally {
  std::int64_t received = 0;
  std::int64_t lost = 0;
  std::int64_t last = -1;
};

Task<void> read_news(Side& side, NewsTally& tally) {
  Task<Reader<Note>> opening = side.client().News(Topic());
  Reader<Note> reader = co_await std::move(opening);
  while (auto frame = co_await reader.next()) {
    const auto gap = static_cast<std::int64_t>(frame->lost_before);
    if (tally.received > 0) {
      EXPECT_EQ(frame->message.number(), tally.last + 1 + gap);
    }
    tally.last = frame->message.number();
    tally.lost += gap;
    ++tally.received;
  }
  ADD_FAILURE() << "a subscription ended: " << reader.status();
}

Task<void> follow_news(TalkerRun& run, Side& side, Random& random) {
  const CallCount count(run);
  NewsTally tally;
  const Duration patience = some_ms(random, 50, 2000);
  {
    TaskGroup group(*side.loop);
    group.spawn(read_news(side, tally));
    (void)co_await sleep_for(patience);
  }
  run.note(side, "news " + std::to_string(tally.received) + " lost " + std::to_string(tally.lost) +
                     " last " + std::to_string(tally.last));
}

struct StreamPlan {
  bool upload = false;
  Delivery delivery = Delivery::kReliable;
  Order order;
  std::optional<Duration> timeout;
};

Task<void> download(TalkerRun& run, Side& side, StreamPlan plan) {
  const CallCount count(run);
  CallOptions options = plan.timeout ? CallOptions().timeout(*plan.timeout) : CallOptions();
  auto client = side.client();
  Task<Reader<Piece>> opening =
      plan.delivery == Delivery::kReliable   ? client.Download(plan.order, std::move(options))
      : plan.delivery == Delivery::kExpiring ? client.Expiring(plan.order, std::move(options))
                                             : client.Datagrams(plan.order, std::move(options));
  Reader<Piece> reader = co_await std::move(opening);
  Task<StreamResult> reading = read_pieces(run.pair, side, std::move(reader), plan.delivery);
  const StreamResult result = co_await std::move(reading);
  run.note(side, "download " + std::to_string(static_cast<int>(plan.delivery)) + " " +
                     result.status.to_string() + " got " + std::to_string(result.received) +
                     " lost " + std::to_string(result.lost));
  if (plan.timeout && result.status.code() == StatusCode::kDeadlineExceeded) co_return;
  EXPECT_TRUE(result.status.is_ok()) << result.status;
  EXPECT_EQ(result.received + result.lost, plan.order.count());
}

Task<void> upload(TalkerRun& run, Side& side, StreamPlan plan) {
  const CallCount count(run);
  CallOptions options = plan.timeout ? CallOptions().timeout(*plan.timeout) : CallOptions();
  auto client = side.client();
  using Stream = ClientStream<Piece, traffic::v1::Receipt>;
  Task<Stream> opening = plan.delivery == Delivery::kReliable ? client.Upload(std::move(options))
                         : plan.delivery == Delivery::kExpiring
                             ? client.ExpiringUpload(std::move(options))
                             : client.DatagramUpload(std::move(options));
  Stream stream = co_await std::move(opening);
  Task<Status> writing = write_pieces(run.pair.sim, std::move(stream), plan.order);
  const Status status = co_await std::move(writing);
  run.note(side,
           "upload " + std::to_string(static_cast<int>(plan.delivery)) + " " + status.to_string());
  if (plan.timeout && status.code() == StatusCode::kDeadlineExceeded) co_return;
  EXPECT_TRUE(status.is_ok()) << status;
}

Task<void> stream_something(TalkerRun& run, Side& side, Random& random) {
  StreamPlan plan;
  plan.upload = random.chance(0.5);
  plan.delivery =
      std::array{Delivery::kReliable, Delivery::kExpiring, Delivery::kDatagram}[random.below(3)];
  plan.order = order(static_cast<std::int64_t>(1 + random.below(60)), some_ms(random, 0, 40),
                     static_cast<std::int64_t>(random.below(1000)));
  if (random.chance(0.3)) {
    plan.order.set_big_every(static_cast<std::int64_t>(2 + random.below(10)));
    plan.order.set_big_bytes(static_cast<std::int64_t>(2000 + random.below(15'000)));
  }
  if (random.chance(0.15)) plan.timeout = some_ms(random, 1, 2000);
  Task<void> streaming = plan.upload ? upload(run, side, plan) : download(run, side, plan);
  if (!random.chance(0.2)) {
    co_await std::move(streaming);
    co_return;
  }
  const Duration patience = some_ms(random, 0, 1000);
  TaskGroup group(*side.loop);
  group.spawn(std::move(streaming));
  (void)co_await sleep_for(patience);
  run.note(side, "dropped the stream");
}

}  // namespace

Task<void> talk(TalkerRun& run, Side& side, std::int64_t talker, Random random) {
  while (run.pair.now() < run.until) {
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        co_await ask_something(run, side, random);
        break;
      case 3:
        co_await tell_something(run, side, talker, random);
        break;
      case 4:
        co_await follow_news(run, side, random);
        break;
      default:
        co_await stream_something(run, side, random);
    }
    if (::testing::Test::HasFailure()) co_return;
    const Duration pause = some_ms(random, 0, 100);
    (void)co_await sleep_for(pause);
  }
}

Task<void> publish_news(TalkerRun& run, Side& side, Random random) {
  for (std::int64_t number = 0; run.pair.now() < run.until; ++number) {
    Note note;
    note.set_number(number);
    note.set_payload(std::string(some_bytes(random), 'p'));
    side.handler->PublishNews(note);
    const Duration pause = some_ms(random, 5, 150);
    (void)co_await sleep_for(pause);
  }
}

Task<void> ask_plainly(TalkerRun& run, Side& side) {
  return ask(run, side, question(run.next_question(), 100), std::nullopt);
}

}  // namespace echostream::testing
