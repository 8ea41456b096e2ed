#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "runtime/plugins/tracing/span_sink.h"

namespace echostream::internal {
namespace {

using Outcome = SpanSink::Outcome;

class FileSinkTest : public ::testing::Test {
 protected:
  FileSinkTest() { ::unlink(path_.c_str()); }
  ~FileSinkTest() override { ::unlink(path_.c_str()); }
  std::string contents() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  const std::string path_ =
      ::testing::TempDir() + "echostream_spans_" + std::to_string(::getpid()) + ".jsonl";
  const std::atomic<bool> stopping_{false};
};

TEST_F(FileSinkTest, AppendsALineForEachRequest) {
  {
    auto sink = make_file_sink(path_, 1000);
    ASSERT_TRUE(sink) << sink.error();
    EXPECT_EQ((*sink)->send("{\"a\":1}", stopping_), Outcome::kDone);
  }
  auto again = make_file_sink(path_, 1000);
  EXPECT_EQ((*again)->send("{\"b\":2}", stopping_), Outcome::kDone);
  EXPECT_EQ(contents(), "{\"a\":1}\n{\"b\":2}\n");
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST_F(FileSinkTest, StopsAtTheBound) {
  auto sink = make_file_sink(path_, 10);
  EXPECT_EQ((*sink)->send("12345", stopping_), Outcome::kDone);
  EXPECT_EQ((*sink)->send("12345", stopping_), Outcome::kGiveUp);
  EXPECT_EQ((*sink)->send("123", stopping_), Outcome::kDone);
}

TEST_F(FileSinkTest, L06_AFullDiskIsTriedAgain) {
  auto sink = make_file_sink("/dev/full", 1000);
  ASSERT_TRUE(sink) << sink.error();
  EXPECT_EQ((*sink)->send("12345", stopping_), Outcome::kTryAgain);
}

TEST_F(FileSinkTest, SaysWhyAFileCannotBeOpened) {
  auto sink = make_file_sink("/nowhere/spans", 1000);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace echostream::internal
