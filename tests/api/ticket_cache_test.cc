#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "echostream/session_tickets.h"

#include "tests/support/test_files.h"

namespace echostream::testing {
namespace {

namespace fs = std::filesystem;

class FileTicketCache : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (fs::temp_directory_path() / "tickets-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path_ = folder_ / "tickets";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::shared_ptr<SessionTicketCache> open(std::size_t most = 256) {
    auto cache = make_file_ticket_cache(path_, most);
    EXPECT_TRUE(cache) << cache.status();
    return cache ? *cache : nullptr;
  }
  unsigned mode() const {
    struct stat about {};
    EXPECT_EQ(stat(path_.c_str(), &about), 0);
    return about.st_mode & 0777;
  }

  fs::path folder_;
  fs::path path_;
};

// What both kinds promise.
void expect_single_use(SessionTicketCache& cache) {
  EXPECT_EQ(cache.take("a"), std::nullopt);
  cache.store("a", "first");
  cache.store("a", "second");
  cache.store("b", "other");
  EXPECT_EQ(cache.take("a"), "second");
  EXPECT_EQ(cache.take("a"), "first");
  EXPECT_EQ(cache.take("a"), std::nullopt);
  EXPECT_EQ(cache.take("b"), "other");
}

void expect_limits(SessionTicketCache& cache_of_six) {
  for (int i = 0; i < 5; ++i) cache_of_six.store("a", "a" + std::to_string(i));
  for (int i = 0; i < 4; ++i) cache_of_six.store("b", "b" + std::to_string(i));
  // Four of each, six of all: the oldest are gone.
  EXPECT_EQ(cache_of_six.take("a"), "a4");
  EXPECT_EQ(cache_of_six.take("a"), "a3");
  EXPECT_EQ(cache_of_six.take("a"), std::nullopt);
  for (int i = 3; i >= 0; --i) EXPECT_EQ(cache_of_six.take("b"), "b" + std::to_string(i));
}

TEST(MemoryTicketCache, GivesEachTicketOnceTheNewestFirst) {
  expect_single_use(*make_memory_ticket_cache());
}
TEST(MemoryTicketCache, ForgetsTheOldestOverItsLimits) {
  expect_limits(*make_memory_ticket_cache(6));
}

TEST(MemoryTicketCache, OfThreadsThatTakeOneTicketOneGetsIt) {
  const auto cache = make_memory_ticket_cache();
  std::atomic<int> got{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 500; ++round) {
        cache->store(std::to_string(i), "ticket");
        for (int other = 0; other < 4; ++other)
          got += cache->take(std::to_string(other)).has_value();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int other = 0; other < 4; ++other) {
    while (cache->take(std::to_string(other))) ++got;
  }
  EXPECT_EQ(got, 2000);
}

TEST_F(FileTicketCache, GivesEachTicketOnceTheNewestFirst) { expect_single_use(*open()); }
TEST_F(FileTicketCache, ForgetsTheOldestOverItsLimits) { expect_limits(*open(6)); }

TEST_F(FileTicketCache, SurvivesTheProgram) {
  std::string binary;
  for (int i = 0; i < 256; ++i) binary += static_cast<char>(i);
  open()->store("robot.local 192.0.2.1:4433 abc", binary);
  EXPECT_EQ(open()->take("robot.local 192.0.2.1:4433 abc"), binary);
  EXPECT_EQ(open()->take("robot.local 192.0.2.1:4433 abc"), std::nullopt) << "used up for all";
}

TEST_F(FileTicketCache, IsOnlyItsOwnersToRead) {
  const mode_t before = umask(0);
  const auto cache = open();
  EXPECT_EQ(mode(), 0600u);
  cache->store("a", "ticket");
  umask(before);
  EXPECT_EQ(mode(), 0600u);
}

TEST_F(FileTicketCache, RefusesAFileThatOthersMayRead) {
  open()->store("a", "ticket");
  for (const mode_t bad : {0644, 0640, 0606, 0610}) {
    ASSERT_EQ(chmod(path_.c_str(), bad), 0);
    auto cache = make_file_ticket_cache(path_);
    ASSERT_FALSE(cache);
    EXPECT_EQ(cache.error().code(), StatusCode::kPermissionDenied);
    EXPECT_NE(cache.error().message().find("chmod 600 " + path_.string()), std::string::npos)
        << cache.error();
  }
}

TEST_F(FileTicketCache, UsesNothingOfAFileThatWasOpenedToOthersMeanwhile) {
  const auto cache = open();
  cache->store("a", "ticket");
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  EXPECT_EQ(cache->take("a"), std::nullopt);
  const std::string before = read_file(path_);
  cache->store("a", "secret");
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(FileTicketCache, SurvivesACutAtEveryByte) {
  {
    const auto cache = open();
    cache->store("a", "first");
    cache->store("b", "second");
  }
  const std::string whole = read_file(path_);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    write_file(path_, std::string_view(whole).substr(0, size));
    const auto cache = open();
    const auto first = cache->take("a");
    EXPECT_TRUE(!first || first == "first") << size;
    const auto second = cache->take("b");
    EXPECT_EQ(second.has_value(), size == whole.size()) << size;
    cache->store("c", "third");
    EXPECT_EQ(cache->take("c"), "third") << size;
  }
}

TEST_F(FileTicketCache, LeavesDamagedLinesOut) {
  const auto cache = open();
  cache->store("a", "first");
  const std::string good = read_file(path_);
  std::string nonsense = "zz a\nabc a\n a\nabcd \nabcd\n\n";
  nonsense += std::string("\0\xff", 2);
  nonsense += " a\n";
  write_file(path_, good + nonsense);
  EXPECT_EQ(cache->take("a"), "first");
  EXPECT_EQ(cache->take("a"), std::nullopt);
}

// A path that was mistyped: the file may be a private key, whose mode is 0600 too.
TEST_F(FileTicketCache, LeavesAFileAloneThatHoldsSomethingElse) {
  for (const std::string& other :
       {std::string("-----BEGIN PRIVATE KEY-----\n"), std::string(1, 'x'),
        std::string("# EchoStream session tickets, format 2.\n"), std::string(100'000, 'x'),
        std::string(1, '\0')}) {
    write_file(path_, other);
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
    auto refused = make_file_ticket_cache(path_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(refused.error().message().find("is left as it is"), std::string::npos)
        << refused.error();
    EXPECT_EQ(read_file(path_), other);
    EXPECT_FALSE(fs::exists(path_.string() + ".lock"));
  }
  fs::remove(path_);
  const auto cache = open();
  write_file(path_, "mine now");
  cache->store("a", "ticket");
  EXPECT_EQ(cache->take("a"), std::nullopt);
  EXPECT_EQ(read_file(path_), "mine now");
}

TEST_F(FileTicketCache, DoesWithoutTicketsWhileAnotherProgramHoldsTheLock) {
  const auto cache = open();
  cache->store("a", "first");
  const std::string before = read_file(path_);
  const int hung = ::open((path_.string() + ".lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(hung, 0);
  ASSERT_EQ(flock(hung, LOCK_EX), 0);
  EXPECT_EQ(cache->take("a"), std::nullopt);
  cache->store("a", "second");
  EXPECT_EQ(read_file(path_), before);
  const auto another = make_file_ticket_cache(path_);
  ASSERT_FALSE(another);
  EXPECT_EQ(another.error().code(), StatusCode::kUnavailable) << another.error();
  close(hung);
  EXPECT_EQ(cache->take("a"), "first");
}

TEST_F(FileTicketCache, IsSharedByProgramsThatTakeEachTicketOnce) {
  constexpr int kPrograms = 3;
  constexpr int kRounds = 50;
  std::vector<std::shared_ptr<SessionTicketCache>> caches;
  for (int i = 0; i < kPrograms; ++i) caches.push_back(open());
  std::vector<std::vector<std::string>> taken(kPrograms);
  std::vector<std::thread> programs;
  for (int i = 0; i < kPrograms; ++i) {
    programs.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string own = std::to_string(i) + "/" + std::to_string(round);
        caches[i]->store("server" + std::to_string(i), own);
        for (int other = 0; other < kPrograms; ++other) {
          if (auto ticket = caches[i]->take("server" + std::to_string(other))) {
            taken[i].push_back(*std::move(ticket));
          }
        }
      }
    });
  }
  for (std::thread& program : programs) program.join();
  // On a machine that is busy enough a program may not get the lock in time, and do without.
  std::set<std::string> all;
  std::size_t count = 0;
  for (const auto& some : taken) {
    all.insert(some.begin(), some.end());
    count += some.size();
  }
  EXPECT_EQ(all.size(), count) << "a ticket was given out twice";
  EXPECT_GT(count, 0u);
}

TEST_F(FileTicketCache, SaysWhatIsWrongWithItsPath) {
  auto folder = make_file_ticket_cache(folder_);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code(), StatusCode::kInvalidArgument) << folder.error();
  auto nowhere = make_file_ticket_cache(folder_ / "no" / "such" / "folder");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), StatusCode::kUnavailable) << nowhere.error();
  EXPECT_NE(nowhere.error().message().find("No such file"), std::string::npos) << nowhere.error();
  if (geteuid() == 0) return;  // root may write everywhere
  ASSERT_EQ(chmod(folder_.c_str(), 0500), 0);
  auto closed = make_file_ticket_cache(path_);
  EXPECT_FALSE(closed);
  ASSERT_EQ(chmod(folder_.c_str(), 0700), 0);
}

TEST_F(FileTicketCache, L06_OnAFullDiskNoTicketIsLostOrUsedTwice) {
  const auto cache = open();
  cache->store("a", "kept");
  const std::string before = read_file(path_);
  {
    const FullDisk full;
    cache->store("a", "not kept");
    // One that cannot be crossed out is not given out.
    EXPECT_EQ(cache->take("a"), std::nullopt);
    auto another = make_file_ticket_cache(folder_ / "another");
    ASSERT_FALSE(another);
    EXPECT_EQ(another.error().code(), StatusCode::kUnavailable) << another.error();
  }
  EXPECT_EQ(read_file(path_), before);
  EXPECT_EQ(cache->take("a"), "kept");
  EXPECT_EQ(cache->take("a"), std::nullopt);
}

TEST_F(FileTicketCache, WritesNoServerThatIsMoreThanALine) {
  const auto cache = open();
  cache->store("a\nabcd b", "ticket");
  EXPECT_EQ(cache->take("b"), std::nullopt);
  EXPECT_EQ(cache->take("a\nabcd b"), std::nullopt);
}

}  // namespace
}  // namespace echostream::testing
