#include "tests/soak/soak_users.h"

#include <utility>

#include "tests/sim/piece_check.h"

namespace echostream::testing {

using namespace std::chrono_literals;
using traffic::v1::Answer;
using traffic::v1::Note;
using traffic::v1::Order;
using traffic::v1::Piece;
using traffic::v1::Question;
using traffic::v1::Receipt;
using traffic::v1::Topic;
using traffic::v1::Traffic;
using Member = SoakWorld::Member;

namespace {

// A call may fail because its session ended, for no other reason.
bool is_over(const Session& session, const Status& status) {
  if (status.is_ok()) return !session.is_open();
  EXPECT_FALSE(session.is_open()) << "while the session was open: " << status;
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status;
  return true;
}

Task<void> ask(SoakWorld& world, Session session) {
  auto client = session.client<Traffic>();
  for (;;) {
    const std::int64_t id = world.next_id();
    Question asked = question(id, static_cast<std::size_t>(id * 7919 % 3000));
    asked.set_work_ms(id % 5 == 0 ? 200 : 0);
    Task<Result<Answer>> asking = client.Ask(asked);
    auto answer = co_await std::move(asking);
    if (answer) {
      ++world.tally.answers;
      EXPECT_EQ(answer->id(), id);
      EXPECT_EQ(answer->payload(), asked.payload());
    } else {
      ++world.tally.unanswered;
    }
    if (is_over(session, answer.status())) co_return;
    (void)co_await sleep_for(2s);
  }
}

Task<void> tell(SoakWorld& world, Session session) {
  auto client = session.client<Traffic>();
  const std::int64_t teller = world.next_id();
  for (std::int64_t i = 0;; ++i) {
    Note note;
    note.set_number(teller * 1'000'000 + i);
    note.set_payload(std::string(static_cast<std::size_t>(i * 31 % 600), 'n'));
    Task<Status> telling = client.Tell(note);
    Status status = co_await std::move(telling);
    if (is_over(session, status)) co_return;
    (void)co_await sleep_for(i % 4 == 0 ? 2s : 10ms);
  }
}

Task<void> read_news(SoakWorld& world, Session session) {
  auto client = session.client<Traffic>();
  Task<Reader<Note>> opening = client.News(Topic());
  Reader<Note> reader = co_await std::move(opening);
  std::optional<std::int64_t> last;
  while (auto frame = co_await reader.next()) {
    const auto gap = static_cast<std::int64_t>(frame->lost_before);
    if (last) {
      EXPECT_EQ(frame->message.number(), *last + 1 + gap);
    }
    last = frame->message.number();
    ++world.tally.news;
    world.tally.news_dropped += frame->lost_before;
  }
  (void)is_over(session, reader.status());
}

// A stream from the peer that comes to its end, again and again.
Task<void> download(SoakWorld& world, Member& me, Session session, Delivery delivery, Order wanted,
                    Duration pause) {
  auto client = session.client<Traffic>();
  for (;;) {
    Task<Reader<Piece>> opening = delivery == Delivery::kReliable   ? client.Download(wanted)
                                  : delivery == Delivery::kExpiring ? client.Expiring(wanted)
                                                                    : client.Datagrams(wanted);
    Reader<Piece> reader = co_await std::move(opening);
    PieceCheck check(world.sim, *me.loop, delivery, me.handler->path);
    while (auto frame = co_await reader.next()) check.on_frame(*frame);
    if (reader.status().is_ok()) {
      check.on_end(reader.lost_at_end());
      EXPECT_EQ(check.received() + check.lost(), wanted.count());
    }
    SoakTally& tally = world.tally;
    const auto received = static_cast<std::uint64_t>(check.received());
    const auto lost = static_cast<std::uint64_t>(check.lost());
    if (delivery == Delivery::kReliable && reader.status().is_ok()) ++tally.reliable_streams;
    if (delivery == Delivery::kExpiring)
      tally.expiring_frames += received, tally.expiring_lost += lost;
    if (delivery == Delivery::kDatagram)
      tally.datagram_frames += received, tally.datagram_lost += lost;
    if (is_over(session, reader.status())) co_return;
    (void)co_await sleep_for(pause);
  }
}

Task<void> upload(SoakWorld& world, Session session, Order sent) {
  auto client = session.client<Traffic>();
  for (;;) {
    using Stream = ClientStream<Piece, Receipt>;
    Task<Stream> opening = client.Upload();
    Stream stream = co_await std::move(opening);
    Task<Status> writing = write_pieces(world.sim, std::move(stream), sent);
    Status status = co_await std::move(writing);
    if (status.is_ok()) ++world.tally.reliable_streams;
    if (is_over(session, status)) co_return;
    (void)co_await sleep_for(5s);
  }
}

}  // namespace

void spawn_users(TaskGroup& group, SoakWorld& world, Member& me, const Session& session) {
  group.spawn(ask(world, session));
  group.spawn(tell(world, session));
  group.spawn(read_news(world, session));
  group.spawn(download(world, me, session, Delivery::kReliable, order(100, 300ms, 300), 10s));
  group.spawn(download(world, me, session, Delivery::kExpiring, order(150, 40ms, 900), 20s));
  group.spawn(download(world, me, session, Delivery::kDatagram, order(250, 20ms, 160), 20s));
  group.spawn(upload(world, session, order(100, 200ms, 500)));
}

}  // namespace echostream::testing
