#include "runtime/loop/uv/watches.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <fstream>

#include "runtime/loop/uv/loop_test_support.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;

class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    read_end_ = UniqueFd(ends[0]);
    write_end_ = UniqueFd(ends[1]);
  }
  void write_one() { EXPECT_EQ(::write(write_end_.get(), "x", 1), 1); }
  char read_one() {
    char byte = 0;
    EXPECT_EQ(::read(read_end_.get(), &byte, 1), 1);
    return byte;
  }

  std::unique_ptr<Loop> loop_ = make_loop().value();
  UniqueFd read_end_;
  UniqueFd write_end_;
};

TEST_F(WatchTest, CallsBackWheneverTheDescriptorIsReadable) {
  int count = 0;
  auto watch = loop_->watch_fd(read_end_.get(), true, false, [&] {
    EXPECT_EQ(read_one(), 'x');
    if (++count == 3) return loop_->stop();
    write_one();
  });
  ASSERT_TRUE(watch.has_value()) << watch.status();
  write_one();
  EXPECT_TRUE(run_bounded(*loop_));
  EXPECT_EQ(count, 3);
}

TEST_F(WatchTest, CallsBackWhenTheDescriptorIsWritable) {
  auto watch = loop_->watch_fd(write_end_.get(), false, true, [&] { loop_->stop(); });
  ASSERT_TRUE(watch.has_value());
  EXPECT_TRUE(run_bounded(*loop_));
}

TEST_F(WatchTest, IsSilentOnceItIsDestroyed) {
  auto watch = loop_->watch_fd(read_end_.get(), true, false, [] { ADD_FAILURE() << "called"; });
  ASSERT_TRUE(watch.has_value());
  write_one();
  watch->reset();
  run_for(*loop_, 5ms);
}

TEST_F(WatchTest, MayBeDestroyedByItsOwnCallback) {
  std::unique_ptr<Pending> watch;
  auto held = std::make_shared<int>(7);
  auto opened = loop_->watch_fd(read_end_.get(), true, false, [&, held] {
    watch.reset();
    // What the callback owns lives as long as it runs.
    EXPECT_EQ(*held, 7);
    loop_->stop();
  });
  watch = *std::move(opened);
  write_one();
  EXPECT_TRUE(run_bounded(*loop_));
  EXPECT_EQ(held.use_count(), 1);
}

TEST_F(WatchTest, WatchesOneDescriptorSeveralTimes) {
  std::unique_ptr<Pending> first;
  std::unique_ptr<Pending> second;
  int calls = 0;
  const auto count = [&] {
    if (++calls == 4) loop_->stop();
  };
  first = loop_->watch_fd(read_end_.get(), true, false, count).value();
  second = loop_->watch_fd(read_end_.get(), true, false, count).value();
  write_one();
  EXPECT_TRUE(run_bounded(*loop_));
}

TEST_F(WatchTest, LeavesTheDescriptorBlockingAsItWas) {
  auto watch = loop_->watch_fd(read_end_.get(), true, false, [] {});
  ASSERT_TRUE(watch.has_value());
  EXPECT_EQ(::fcntl(read_end_.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(WatchTest, OutlivesTheDescriptorOfItsOwner) {
  auto watch = loop_->watch_fd(read_end_.get(), true, false, [&] { loop_->stop(); });
  ASSERT_TRUE(watch.has_value());
  read_end_ = UniqueFd();
  write_one();
  EXPECT_TRUE(run_bounded(*loop_));
}

TEST_F(WatchTest, TellsOfAnErrorUntilTheOwnerDealsWithIt) {
  int count = 0;
  auto watch = loop_->watch_fd(write_end_.get(), false, true, [&] {
    if (++count == 3) loop_->stop();
  });
  ASSERT_TRUE(watch.has_value());
  read_end_ = UniqueFd();  // a pipe without a reader: POLLERR
  EXPECT_TRUE(run_bounded(*loop_));
  EXPECT_EQ(count, 3);
}

TEST_F(WatchTest, SaysWhatCannotBeWatched) {
  const auto why = [&](int fd, bool readable) {
    return loop_->watch_fd(fd, readable, false, [] {}).status();
  };
  EXPECT_EQ(why(-1, true).code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(why(-1, true).message()), testing::HasSubstr("Bad file descriptor"));
  EXPECT_THAT(std::string(why(read_end_.get(), false).message()),
              testing::HasSubstr("reading or for writing"));
  const std::string path = testing::TempDir() + "echostream_plain_file_" + std::to_string(getpid());
  std::ofstream(path) << "text";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ::unlink(path.c_str());
  EXPECT_THAT(std::string(why(file.get(), true).message()), testing::HasSubstr("plain file"));
}

TEST_F(WatchTest, TwoWatchesMayDestroyEachOther) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd other_read(ends[0]);
  const UniqueFd other_write(ends[1]);
  std::unique_ptr<Pending> first;
  std::unique_ptr<Pending> second;
  int calls = 0;
  first = loop_
              ->watch_fd(read_end_.get(), true, false,
                         [&] {
                           ++calls;
                           second.reset();
                           loop_->stop();
                         })
              .value();
  second = loop_
               ->watch_fd(other_read.get(), true, false,
                          [&] {
                            ++calls;
                            first.reset();
                            loop_->stop();
                          })
               .value();
  // Both are ready in the same poll; whoever is first takes the other away.
  write_one();
  ASSERT_EQ(::write(other_write.get(), "x", 1), 1);
  EXPECT_TRUE(run_bounded(*loop_));
  EXPECT_EQ(calls, 1);
}

TEST(StopSignals, CallBackForEachOfTheTwoUntilTheWatchIsDestroyed) {
  auto loop = make_loop().value();
  std::vector<int> seen;
  auto watch = loop->watch_stop_signals([&](int number) {
    seen.push_back(number);
    loop->stop();
  });
  ASSERT_TRUE(watch.has_value()) << watch.status();
  for (const int number : {SIGTERM, SIGINT, SIGTERM}) {
    ASSERT_EQ(::raise(number), 0);
    ASSERT_TRUE(run_bounded(*loop));
  }
  EXPECT_EQ(seen, (std::vector<int>{SIGTERM, SIGINT, SIGTERM}));
  watch->reset();
  struct sigaction action {};
  ASSERT_EQ(::sigaction(SIGTERM, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST(StopSignals, MayEndTheirWatchFromTheCallback) {
  auto loop = make_loop().value();
  std::unique_ptr<Pending> watch;
  auto opened = loop->watch_stop_signals([&](int) {
    watch.reset();
    loop->stop();
  });
  watch = *std::move(opened);
  ASSERT_EQ(::raise(SIGINT), 0);
  EXPECT_TRUE(run_bounded(*loop));
  EXPECT_EQ(watch, nullptr);
}

}  // namespace
}  // namespace echostream::internal
