#include "runtime/core/delivery/frame_sequencer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "tests/support/manual_executor.h"

namespace echostream::core {
namespace {

using namespace std::chrono_literals;
using testing::ManualExecutor;

class FrameSequencerTest : public ::testing::Test, private FrameSequencer::Sink {
 protected:
  FrameSequencer& make(Duration hold, std::size_t max_frames = 256,
                       std::size_t max_bytes = 1 << 20) {
    FrameSequencer::Options options;
    options.hold = hold;
    options.max_frames = max_frames;
    options.max_bytes = max_bytes;
    sequencer_ = std::make_unique<FrameSequencer>(executor_, static_cast<Sink&>(*this), options);
    return *sequencer_;
  }
  void add(std::uint64_t sequence, std::size_t bytes = 1) {
    InboundMessage message;
    message.message = Buffer::copy(std::string(bytes, 'x'));
    message.header.sequence = sequence;
    message.arrived_at = executor_.now();
    sequencer_->add(executor_.now(), std::move(message));
  }
  void finish(std::uint64_t total) { sequencer_->finish(executor_.now(), total); }
  void on_sequenced(InboundMessage message) override {
    EXPECT_FALSE(end_) << "a frame after the end";
    delivered_.push_back(message.header.sequence);
    lost_before_.push_back(message.lost_before);
  }
  void on_sequence_end(std::uint64_t lost) override {
    EXPECT_FALSE(end_) << "a second end";
    end_ = lost;
  }

  using Numbers = std::vector<std::uint64_t>;
  ManualExecutor executor_;
  std::unique_ptr<FrameSequencer> sequencer_;
  Numbers delivered_;
  Numbers lost_before_;
  std::optional<std::uint64_t> end_;
};

TEST_F(FrameSequencerTest, PassesFramesThatComeInOrderOnAtOnce) {
  make(100ms);
  for (std::uint64_t i = 0; i < 5; ++i) {
    add(i);
    EXPECT_EQ(delivered_.size(), i + 1);
  }
  EXPECT_EQ(executor_.armed_timers(), 0u);
}

TEST_F(FrameSequencerTest, RestoresEveryOrderWithinTheHoldTime) {
  Numbers order = {0, 1, 2, 3, 4};
  do {
    make(100ms);
    delivered_.clear();
    for (const std::uint64_t sequence : order) add(sequence);
    EXPECT_EQ(delivered_, (Numbers{0, 1, 2, 3, 4}));
    EXPECT_EQ(sequencer_->stats().lost, 0u);
    EXPECT_EQ(sequencer_->held_bytes(), 0u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(FrameSequencerTest, WaitsForAGapExactlyTheHoldTimeAndReportsIt) {
  make(100ms);
  add(0);
  add(3);
  add(4);
  executor_.advance(100ms - 1ns);
  EXPECT_EQ(delivered_, (Numbers{0}));
  executor_.advance(1ns);
  EXPECT_EQ(delivered_, (Numbers{0, 3, 4}));
  EXPECT_EQ(lost_before_, (Numbers{0, 2, 0}));
  EXPECT_EQ(sequencer_->stats().lost, 2u);
}

TEST_F(FrameSequencerTest, ALateFrameTakesWhatIsBeforeItAlong) {
  make(100ms);
  add(5);
  executor_.advance(60ms);
  add(3);
  executor_.advance(40ms);
  // 5 has waited its time; 3 goes before it though it has not.
  EXPECT_EQ(delivered_, (Numbers{3, 5}));
  EXPECT_EQ(lost_before_, (Numbers{3, 1}));
}

TEST_F(FrameSequencerTest, NeverDeliversALateFrameNorOneTwice) {
  make(0ms);
  add(0);
  add(2);
  add(1);
  add(2);
  EXPECT_EQ(delivered_, (Numbers{0, 2}));
  EXPECT_EQ(sequencer_->stats().late, 2u);
  make(100ms);
  add(2);
  add(2);
  EXPECT_EQ(sequencer_->stats().duplicates, 1u);
}

TEST_F(FrameSequencerTest, HoldsAtMostItsLimitOfFrames) {
  make(10s, 4);
  for (std::uint64_t i = 1; i <= 4; ++i) add(i * 10);
  EXPECT_TRUE(delivered_.empty());
  add(50);
  EXPECT_EQ(delivered_, (Numbers{10}));
}

TEST_F(FrameSequencerTest, HoldsAtMostItsLimitOfBytes) {
  make(10s, 256, 100);
  add(10, 60);
  add(20, 40);
  EXPECT_TRUE(delivered_.empty());
  EXPECT_EQ(sequencer_->held_bytes(), 100u);
  add(30, 1);
  EXPECT_EQ(delivered_, (Numbers{10}));
}

TEST_F(FrameSequencerTest, EndsAtOnceWhenNothingIsMissing) {
  make(100ms);
  add(0);
  finish(1);
  EXPECT_EQ(end_, 0u);
  EXPECT_EQ(executor_.armed_timers(), 0u);
}

TEST_F(FrameSequencerTest, AnEndWaitsForFramesUnderWay) {
  make(0ms);
  add(0);
  finish(3);
  EXPECT_FALSE(end_);
  add(1);
  EXPECT_FALSE(end_);
  add(2);
  EXPECT_EQ(end_, 0u);
}

TEST_F(FrameSequencerTest, AnEndWaitsNoLongerThanTheTailAndCountsWhatNeverCame) {
  make(0ms);
  finish(5);
  executor_.advance(50ms);
  add(1);
  EXPECT_FALSE(end_);
  executor_.advance(50ms);
  EXPECT_EQ(end_, 3u);
  EXPECT_EQ(sequencer_->stats().lost, 4u);
  add(2);
  EXPECT_EQ(delivered_, (Numbers{1})) << "nothing after the end";
}

TEST_F(FrameSequencerTest, ATailIsAsLongAsTheHoldTimeWhenThatIsLonger) {
  make(300ms);
  finish(2);
  executor_.advance(299ms);
  EXPECT_FALSE(end_);
  add(1);
  executor_.advance(1ms);
  EXPECT_EQ(delivered_, (Numbers{1}));
  EXPECT_EQ(end_, 0u);
  EXPECT_EQ(lost_before_, (Numbers{1}));
}

TEST_F(FrameSequencerTest, AnEndThatSaysFewerThanCameEndsAtOnce) {
  make(100ms);
  add(0);
  add(5);
  finish(1);
  EXPECT_EQ(delivered_, (Numbers{0, 5}));
  EXPECT_EQ(end_, 0u);
}

TEST_F(FrameSequencerTest, TheLargestSequenceNumbersDoNotWrap) {
  make(0ms);
  add(kMaxVarint);
  EXPECT_EQ(lost_before_, (Numbers{kMaxVarint}));
  add(0);
  EXPECT_EQ(sequencer_->stats().late, 1u);
  finish(kMaxVarint);
  EXPECT_EQ(end_, 0u);
}

TEST_F(FrameSequencerTest, OnlyTheFirstEndCounts) {
  make(0ms);
  add(0);
  finish(2);
  finish(1);
  EXPECT_FALSE(end_);
  add(1);
  EXPECT_EQ(end_, 0u);
}

}  // namespace
}  // namespace echostream::core
