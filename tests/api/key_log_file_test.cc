#include "runtime/api/key_log_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_files.h"

namespace echostream::internal {
namespace {

using testing::FullDisk;
using ::testing::HasSubstr;
using testing::mode_of;
using testing::read_file;
using testing::TemporaryFolder;
using testing::write_file;

class KeyLogFileTest : public ::testing::Test {
 protected:
  Result<std::shared_ptr<KeyLogFile>> open() {
    return KeyLogFile::open(path_, [this](const Status& status) { errors_.push_back(status); });
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "keys";
  std::vector<Status> errors_;
};

TEST_F(KeyLogFileTest, C07_IsForItsOwnerOnlyAndKeepsWhatIsThere) {
  (*open())->on_key_log("first");
  (*open())->on_key_log("second");
  EXPECT_EQ(read_file(path_), "first\nsecond\n");
  EXPECT_EQ(mode_of(path_), 0600u);
}

TEST_F(KeyLogFileTest, C07_AFileThatOthersMayReadGetsNoSecrets) {
  write_file(path_, "others see this\n");
  ASSERT_EQ(chmod(path_.c_str(), 0640), 0);
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(refused.error().message(), HasSubstr("mode 0640"));
  EXPECT_THAT(refused.error().message(), HasSubstr("chmod 600 " + path_));
}

TEST_F(KeyLogFileTest, C07_NeitherALinkNorAPipeGetsSecrets) {
  ASSERT_EQ(symlink("/tmp/elsewhere", path_.c_str()), 0);
  EXPECT_EQ(open().status().message(), path_ + " is a link, and those are not followed");
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(open().status().message(), path_ + " is not a file");  // and nobody waits for a reader
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(open());
}

TEST_F(KeyLogFileTest, LinesOfSeveralThreadsAndProgramsDoNotMix) {
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  const auto shared = *open();
  const auto other_program = *open();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::string line(150, static_cast<char>('a' + i));
      for (int n = 0; n < kLines; ++n) (i % 2 == 0 ? shared : other_program)->on_key_log(line);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::istringstream lines(read_file(path_));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    ASSERT_EQ(line.size(), 150u);
    ASSERT_EQ(std::count(line.begin(), line.end(), line[0]), 150);
  }
  EXPECT_EQ(count, kThreads * kLines);
}

TEST_F(KeyLogFileTest, L06_OnAFullDiskLinesAreLeftOutAndLaterOnesStayWhole) {
  const auto log = *open();
  log->on_key_log("first");
  {
    const FullDisk full(8);
    log->on_key_log("second");
    log->on_key_log("third");
  }
  log->on_key_log("fourth");
  // A reader skips the line that was cut off.
  EXPECT_EQ(read_file(path_), "first\nse\nfourth\n");
  EXPECT_EQ(errors_.size(), 1u);
}

}  // namespace
}  // namespace echostream::internal
