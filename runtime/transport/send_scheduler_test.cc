#include "runtime/transport/send_scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace echostream::transport {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr LocalTime kNow{std::chrono::hours(1)};

class Scheduler : public ::testing::Test {
 protected:
  SendStream& stream(std::int64_t id, Priority priority, std::string_view bytes, bool fin = false) {
    streams_.push_back(std::make_unique<SendStream>(StreamId{id}, kDefaultPriority));
    SendStream& made = *streams_.back();
    scheduler_.set_priority(made, priority);
    if (!bytes.empty() || fin) made.push(Buffer::copy(bytes), fin);
    scheduler_.update(made);
    return made;
  }
  void push(std::uint64_t tag, Priority priority, std::size_t bytes = 10,
            LocalTime expires_at = kNever) {
    OutgoingDatagramFrame frame;
    frame.header = Buffer::copy(std::string(1, 'h'));
    frame.payload = Buffer::copy(std::string(bytes - 1, 'p'));
    frame.priority = priority;
    frame.expires_at = expires_at;
    frame.tag = tag;
    scheduler_.push(std::move(frame), dropped_);
  }
  // Sends one byte of what comes next; its stream's id, -tag for a datagram, nothing for nothing.
  std::optional<std::int64_t> serve(bool with_stream_bytes = true) {
    const SendScheduler::Next next = scheduler_.next(with_stream_bytes);
    if (next.datagram != nullptr) {
      const auto tag = static_cast<std::int64_t>(next.datagram->tag);
      scheduler_.pop_datagram(next.priority);
      return -tag;
    }
    if (next.stream == nullptr) return std::nullopt;
    const std::size_t bytes = std::min<std::size_t>(next.stream->unsent_bytes(), 1);
    next.stream->mark_sent(bytes, next.stream->fin_is_next(bytes));
    scheduler_.rotate(*next.stream);
    return next.stream->id().value;
  }
  std::vector<std::int64_t> serve_all() {
    std::vector<std::int64_t> order;
    while (const auto served = serve()) order.push_back(*served);
    return order;
  }

  SendScheduler scheduler_{100};
  std::vector<std::unique_ptr<SendStream>> streams_;
  std::vector<std::uint64_t> dropped_;
};

TEST_F(Scheduler, HasNothingWhileNobodyWants) {
  EXPECT_FALSE(serve());
  stream(0, 3, "");
  EXPECT_FALSE(serve());
  EXPECT_FALSE(scheduler_.has_datagrams());
}

TEST_F(Scheduler, ServesTheMostUrgentFirst) {
  stream(0, 7, "a");
  stream(4, 0, "b");
  stream(8, 3, "c");
  EXPECT_THAT(serve_all(), ElementsAre(4, 8, 0));
}

TEST_F(Scheduler, EqualsTakeTurns) {
  stream(0, 3, "aaa");
  stream(4, 3, "b");
  stream(8, 3, "cc");
  EXPECT_THAT(serve_all(), ElementsAre(0, 4, 8, 0, 8, 0));
}

TEST_F(Scheduler, DatagramsGoBeforeStreamsOfTheirPriorityAndAfterMoreUrgentOnes) {
  stream(0, 3, "a");
  stream(4, 2, "b");
  push(1, 3);
  push(2, 7);
  EXPECT_THAT(serve_all(), ElementsAre(4, -1, 0, -2));
}

TEST_F(Scheduler, DatagramsOfOnePriorityKeepTheirOrder) {
  for (std::uint64_t tag : {1, 2, 3}) push(tag, 3);
  EXPECT_THAT(serve_all(), ElementsAre(-1, -2, -3));
}

TEST_F(Scheduler, ChangedPriorityCountsFromNowOn) {
  SendStream& slow = stream(0, 3, "aa");
  stream(4, 3, "bb");
  EXPECT_EQ(serve(), 0);
  scheduler_.set_priority(slow, 7);
  EXPECT_THAT(serve_all(), ElementsAre(4, 4, 0));
}

TEST_F(Scheduler, PriorityBeyondTheLastIsTheLast) {
  stream(0, 200, "a");
  push(1, 99);
  stream(4, 6, "b");
  EXPECT_THAT(serve_all(), ElementsAre(4, -1, 0));
}

TEST_F(Scheduler, RemovedFromTheMiddleTheOthersStay) {
  SendStream& first = stream(0, 3, "a");
  SendStream& middle = stream(4, 3, "b");
  stream(8, 3, "c");
  scheduler_.remove(middle);
  scheduler_.remove(middle);
  EXPECT_EQ(scheduler_.next(true).stream, &first);
  EXPECT_THAT(serve_all(), ElementsAre(0, 8));
  scheduler_.update(middle);
  EXPECT_THAT(serve_all(), ElementsAre(4));
}

TEST_F(Scheduler, AnEndWithoutBytesPassesTheConnectionsLimit) {
  stream(0, 3, "bytes");
  stream(4, 3, "", true);
  stream(8, 1, "bytes");
  EXPECT_EQ(serve(false), 4);
  EXPECT_FALSE(serve(false));
  EXPECT_EQ(serve(true), 8);
}

TEST_F(Scheduler, FullQueueDropsTheOldestOfTheLeastUrgent) {
  push(1, 5, 40);
  push(2, 5, 40);
  push(3, 0, 40);
  EXPECT_THAT(dropped_, ElementsAre(1));
  push(4, 0, 30);
  EXPECT_THAT(dropped_, ElementsAre(1, 2));
  push(5, 7, 50);  // nothing is less urgent than itself
  EXPECT_THAT(dropped_, ElementsAre(1, 2, 5));
  EXPECT_THAT(serve_all(), ElementsAre(-3, -4));
}

TEST_F(Scheduler, QueueHoldsExactlyItsLimit) {
  push(1, 3, 50);
  push(2, 3, 50);
  EXPECT_THAT(dropped_, IsEmpty());
  push(3, 3, 2);
  EXPECT_THAT(dropped_, ElementsAre(1));
}

TEST_F(Scheduler, DatagramLargerThanTheQueueIsDroppedAlone) {
  push(1, 0, 20);
  push(2, 3, 101);
  EXPECT_THAT(dropped_, ElementsAre(2));
  EXPECT_THAT(serve_all(), ElementsAre(-1));
}

TEST_F(Scheduler, DropsWhatHasExpired) {
  push(1, 3, 10, kNow);
  push(2, 3, 10, kNow + Duration(1));
  push(3, 5, 10, kNow - Duration(1));
  scheduler_.drop_stale(kNow, 1000, dropped_);
  EXPECT_THAT(dropped_, ElementsAre(1, 3));
  EXPECT_THAT(serve_all(), ElementsAre(-2));
}

TEST_F(Scheduler, DropsWhatNoLongerFitsIntoAPacket) {
  push(1, 3, 51);
  push(2, 3, 50);
  scheduler_.drop_stale(kNow, 50, dropped_);
  EXPECT_THAT(dropped_, ElementsAre(1));
  EXPECT_THAT(serve_all(), ElementsAre(-2));
  EXPECT_FALSE(scheduler_.has_datagrams());
}

}  // namespace
}  // namespace echostream::transport
