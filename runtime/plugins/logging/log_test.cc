#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "echostream/plugins/logging.h"

#include "runtime/plugins/logging/log_impl.h"

namespace echostream {
namespace {

using namespace std::chrono_literals;
using internal::LineKind;
using ::testing::HasSubstr;
using ::testing::Not;

class LogTest : public ::testing::Test {
 protected:
  LogTest() {
    ::unsetenv("ECHOSTREAM_LOG");
    clean();
  }
  ~LogTest() override {
    clean();
    ::unsetenv("ECHOSTREAM_LOG");
  }
  void clean() const {
    for (const char* end : {"log", "1.log", "2.log", "3.log"}) ::unlink((stem_ + end).c_str());
  }
  LoggingOptions options() const {
    LoggingOptions chosen;
    chosen.file = stem_ + "log";
    return chosen;
  }
  std::string contents(const char* end = "log") const {
    std::ostringstream text;
    text << std::ifstream(stem_ + end).rdbuf();
    return text.str();
  }
  static std::shared_ptr<Log> open(LoggingOptions chosen) {
    auto log = Log::open(std::move(chosen));
    EXPECT_TRUE(log) << log.error();
    return *log;
  }
  const std::string stem_ =
      ::testing::TempDir() + "echostream_log_" + std::to_string(::getpid()) + ".";
};

TEST_F(LogTest, WritesLinesOfItsLevelAndAbove) {
  auto log = open(options());
  log->write(LogLevel::kDebug, "hidden");
  log->write(LogLevel::kInfo, "shown");
  Log::sink_of(log)(LogLevel::kError, "of the node");
  const std::string text = contents();
  EXPECT_THAT(text, Not(HasSubstr("hidden")));
  EXPECT_THAT(text, ::testing::ContainsRegex(
                        "^[0-9]{4}-[0-9-]{5}T[0-9:]{8}\\.[0-9]{6}Z info program message=shown\n"));
  EXPECT_THAT(text, HasSubstr("Z error node message=\"of the node\"\n"));
  EXPECT_EQ(log->stats().written, 2u);
}

TEST_F(LogTest, TakesItsLevelFromTheEnvironmentUnlessToldOtherwise) {
  ::setenv("ECHOSTREAM_LOG", "debug", 1);
  EXPECT_TRUE(open(options())->impl().wants(LogLevel::kDebug));
  ::setenv("ECHOSTREAM_LOG", "off", 1);
  EXPECT_FALSE(open(options())->impl().wants(LogLevel::kError));
  LoggingOptions told = options();
  told.level = LogLevel::kWarning;
  EXPECT_TRUE(open(told)->impl().wants(LogLevel::kWarning));
  ::setenv("ECHOSTREAM_LOG", "loud", 1);
  auto log = Log::open(options());
  ASSERT_FALSE(log);
  EXPECT_THAT(std::string(log.error().message()),
              HasSubstr("must be debug, info, warning, error or off"));
}

TEST_F(LogTest, RefusesKeysThatCarrySecrets) {
  for (const char* key : {"authorization", "cookie", "Not Valid"}) {
    LoggingOptions chosen = options();
    chosen.metadata_keys = {"x-request-id", key};
    auto log = Log::open(chosen);
    ASSERT_FALSE(log) << key;
    EXPECT_EQ(log.error().code(), StatusCode::kInvalidArgument);
  }
}

TEST_F(LogTest, SaysWhyAFileCannotBeOpened) {
  LoggingOptions chosen;
  chosen.file = "/proc/nowhere/log";
  auto log = Log::open(chosen);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code(), StatusCode::kUnavailable);
}

TEST_F(LogTest, O01_CountsLinesAboveTheRateOfTheirKind) {
  LoggingOptions chosen = options();
  chosen.max_lines_per_second = 3;
  auto log = open(chosen);
  const auto write = [&](WallTime time, LineKind kind) {
    log->impl().write(time, LogLevel::kInfo, kind,
                      log->impl().line(time, LogLevel::kInfo, "flood"));
  };
  const WallTime time(1'800'000'000s);
  for (int i = 0; i < 100; ++i) write(time + i * 1ms, LineKind::kFailedCall);
  write(time + 200ms, LineKind::kSession);
  EXPECT_EQ(log->stats().suppressed, 97u);
  EXPECT_EQ(log->stats().written, 4u);
  write(time + 1s, LineKind::kFailedCall);
  EXPECT_THAT(contents(), HasSubstr("Z warning suppressed lines_of=failed_calls count=97\n"
                                    "2027-01-15T08:00:01.000000Z info flood\n"));
}

TEST_F(LogTest, RotatesItsFile) {
  LoggingOptions chosen = options();
  chosen.max_file_bytes = 1000;
  chosen.max_old_files = 2;
  auto log = open(chosen);
  for (int i = 0; i < 200; ++i) log->write(LogLevel::kInfo, "a line of some length");
  EXPECT_LE(contents().size(), 1000u);
  EXPECT_THAT(contents("1.log"), HasSubstr("a line of some length"));
  EXPECT_THAT(contents("2.log"), HasSubstr("a line of some length"));
  EXPECT_EQ(contents("3.log"), "");
}

TEST_F(LogTest, L06_AFullDiskIsCountedAndNothingElse) {
  LoggingOptions chosen;
  chosen.file = "/dev/full";
  chosen.max_file_bytes = 0;
  auto log = open(chosen);
  for (int i = 0; i < 10'000; ++i) {
    log->impl().write(WallTime(std::chrono::seconds(i)), LogLevel::kInfo, LineKind::kProgram,
                      log->impl().line({}, LogLevel::kInfo, "lost"));
  }
  EXPECT_GT(log->stats().failed, 0u);
}

}  // namespace
}  // namespace echostream
