#include "runtime/core/delivery/playout_buffer.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/manual_executor.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using testing::ManualExecutor;

constexpr Duration kInterval = 20ms;

class PlayoutBufferTest : public ::testing::Test, private FrameReceiver::Sink {
 protected:
  PlayoutBuffer& make(const JitterBufferOptions& jitter_buffer = {},
                      std::size_t max_bytes = 1 << 20, bool in_order = false) {
    PlayoutBuffer::Options options;
    options.jitter_buffer = jitter_buffer;
    options.max_frames = 64;
    options.in_order = in_order;
    options.max_bytes = max_bytes;
    buffer_ = std::make_unique<PlayoutBuffer>(executor_, static_cast<Sink&>(*this), options);
    return *buffer_;
  }
  // A frame of a sender whose clock stands elsewhere.
  void add(std::uint64_t sequence, std::size_t bytes = 10) {
    InboundMessage message;
    message.message = Buffer::copy(std::string(bytes, 'x'));
    message.header = {
        sequence, RemoteTime(100h + static_cast<std::int64_t>(sequence % 1'000'000) * kInterval)};
    message.arrived_at = executor_.now();
    buffer_->add(executor_.now(), std::move(message));
  }
  void on_sequenced(InboundMessage message) override {
    EXPECT_FALSE(end_) << "something after the end";
    EXPECT_LE(message.playout_at, executor_.now());
    if (message.is_gap) {
      gaps_ += message.duration;
      return;
    }
    EXPECT_EQ(message.message.size() > 0, true);
    played_.push_back(message.header.sequence);
    at_.push_back(executor_.now());
    lost_ += message.lost_before;
  }
  void on_sequence_end(std::uint64_t lost) override {
    EXPECT_FALSE(end_) << "a second end";
    end_ = lost;
  }

  ManualExecutor executor_;
  std::unique_ptr<PlayoutBuffer> buffer_;
  std::vector<std::uint64_t> played_;
  std::vector<LocalTime> at_;
  std::uint64_t lost_ = 0;
  Duration gaps_{};
  std::optional<std::uint64_t> end_;
};

TEST_F(PlayoutBufferTest, HandsFramesOutAtTheirPaceThoughTheyComeInClumps) {
  make();
  // Three at once every 60 ms.
  for (std::uint64_t clump = 0; clump < 200; ++clump) {
    for (std::uint64_t i = 0; i < 3; ++i) add(clump * 3 + i);
    executor_.advance(3 * kInterval);
  }
  ASSERT_GT(played_.size(), 590u);
  for (std::size_t i = 200; i < played_.size(); ++i) {
    EXPECT_EQ(played_[i], i);
    EXPECT_NEAR(static_cast<double>((at_[i] - at_[i - 1]).count()), 20e6, 2.5e6);
  }
}

TEST_F(PlayoutBufferTest, EndsAfterTheLastFrameAndCountsWhatNeverCame) {
  PlayoutBuffer& buffer = make();
  for (std::uint64_t i = 0; i < 50; ++i) {
    if (i % 10 != 7) add(i);
    executor_.advance(kInterval);
  }
  buffer.finish(executor_.now(), 53);
  EXPECT_FALSE(end_);
  executor_.advance(1s);
  ASSERT_TRUE(end_);
  EXPECT_EQ(*end_, 3u);
  EXPECT_EQ(lost_, 5u);
  EXPECT_EQ(played_.size(), 45u);
  EXPECT_EQ(buffer.stats().lost, 8u);
  EXPECT_EQ(buffer.held_bytes(), 0u);
  EXPECT_EQ(executor_.armed_timers(), 0u);
}

TEST_F(PlayoutBufferTest, AnEndWithoutACountPlaysWhatIsThere) {
  PlayoutBuffer& buffer = make();
  for (std::uint64_t i = 0; i < 5; ++i) add(i);
  buffer.finish(executor_.now(), 0);
  executor_.advance(1s);
  EXPECT_EQ(played_.size(), 5u);
  EXPECT_EQ(end_, 0u);
}

TEST_F(PlayoutBufferTest, GapsAreToldOnlyToThoseWhoAsk) {
  for (const bool asks : {false, true}) {
    PlayoutBuffer& buffer = make();
    if (asks) buffer.tell_gaps();
    gaps_ = {};
    for (std::uint64_t i = 0; i < 100; ++i) {
      if (i != 60 && i != 61) add(i);
      executor_.advance(kInterval);
    }
    EXPECT_EQ(gaps_ > 0ms, asks);
    if (asks) {
      EXPECT_NEAR(static_cast<double>(gaps_.count()), 40e6, 25e6);
    }
  }
}

TEST_F(PlayoutBufferTest, HoldsNoMoreThanItMayWhateverTheNumbers) {
  PlayoutBuffer& buffer = make({}, 500);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    add(i * i * 1'000'003 % (1ull << 61), 60);
    EXPECT_LE(buffer.held_bytes(), 500u);
    executor_.advance(1ms);
  }
  executor_.advance(100s);
  EXPECT_EQ(buffer.held_bytes(), 0u);
}

TEST_F(PlayoutBufferTest, AJumpOverAllNumbersCostsNoTime) {
  PlayoutBuffer& buffer = make();
  add(0);
  add((1ull << 62) - 1);
  executor_.advance(5s);
  add(5);
  buffer.finish(executor_.now(), ~0ull);
  executor_.advance(30s);
  EXPECT_TRUE(end_);
  EXPECT_EQ(buffer.held_bytes(), 0u);
}

TEST_F(PlayoutBufferTest, WhatIsMissingFromAnOrderedStreamIsNotWaitedFor) {
  JitterBufferOptions wait;
  wait.late_policy = LatePolicy::kWait;
  make(wait, 1 << 20, true);
  for (std::uint64_t i = 0; i < 200; ++i) {
    if (i % 50 != 30) add(i);
    EXPECT_TRUE(buffer_->has_room()) << i;
    executor_.advance(kInterval);
  }
  buffer_->finish(executor_.now(), 0);
  executor_.advance(1s);
  EXPECT_EQ(played_.size(), 196u);
  EXPECT_TRUE(end_);
}

TEST_F(PlayoutBufferTest, FlushHandsEverythingOutAtOnce) {
  PlayoutBuffer& buffer = make();
  for (std::uint64_t i = 0; i < 5; ++i) add(i);
  buffer.flush();
  EXPECT_EQ(played_, (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(buffer.held_bytes(), 0u);
}

TEST_F(PlayoutBufferTest, MembersOfAGroupPlayWithTheSameDelay) {
  timing::SyncGroup group;
  const timing::PeerClock clock;
  PlayoutBuffer& slow = make();
  slow.join(group, clock);
  std::unique_ptr<PlayoutBuffer> kept = std::move(buffer_);
  PlayoutBuffer& fast = make();
  fast.join(group, clock);
  // The same captures; one path takes 80 ms longer.
  for (std::uint64_t i = 0; i < 400; ++i) {
    add(i);
    if (i >= 4) {
      std::swap(buffer_, kept);
      add(i - 4);
      std::swap(buffer_, kept);
    }
    executor_.advance(kInterval);
  }
  ASSERT_TRUE(slow.timing().offset() && fast.timing().offset());
  EXPECT_NEAR(static_cast<double>((*slow.timing().offset() - *fast.timing().offset()).count()), 0,
              2e6);
  EXPECT_EQ(group.report().in_step, 2u);
  kept.reset();
  EXPECT_EQ(group.report().members, 1u);
  buffer_.reset();  // before its group
}

}  // namespace
}  // namespace echostream::core
