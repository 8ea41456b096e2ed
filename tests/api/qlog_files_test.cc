#include "runtime/api/qlog_files.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/support/test_files.h"

namespace echostream::internal {
namespace {

using ::testing::ElementsAre;
using testing::FullDisk;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::mode_of;
using testing::read_file;
using testing::TemporaryFolder;
using testing::write_file;

class QlogFilesTest : public ::testing::Test {
 protected:
  QlogFiles make(QlogFiles::Bounds bounds = {}) { return make_in(folder_.path(), bounds); }
  QlogFiles make_in(const std::string& directory, QlogFiles::Bounds bounds = {}) {
    return QlogFiles(
        directory, [this](const std::string& line) { lines_.push_back(line); }, bounds);
  }
  static void write(transport::QlogSink& sink, std::string_view record) {
    sink.on_qlog(as_bytes(record));
  }

  TemporaryFolder folder_;
  std::vector<std::string> lines_;
};

TEST_F(QlogFilesTest, AreNamedAfterTheConnectionAndItsEndAndAreForTheirOwnerOnly) {
  QlogFiles files = make();
  const auto client = files.open({"00ff", false});
  const auto server = files.open({"00ff", true});
  ASSERT_TRUE(client && server);
  write(*client, "a");
  write(*server, "b");
  // Without waiting for the end: a program may crash.
  EXPECT_EQ(read_file(folder_ / "00ff_client.sqlog"), "a");
  EXPECT_EQ(read_file(folder_ / "00ff_server.sqlog"), "b");
  EXPECT_EQ(mode_of(folder_ / "00ff_client.sqlog"), 0600u);
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(QlogFilesTest, O01_ATraceEndsBeforeTheRecordThatDoesNotFit) {
  QlogFiles files = make({10, 100});
  const auto first = files.open({"01", false});
  const auto second = files.open({"02", false});
  write(*first, "12345");
  write(*first, "67890");
  write(*first, "x");
  write(*second, "12345");
  write(*second, "678901");
  write(*second, "y");  // not behind a gap
  EXPECT_EQ(read_file(folder_ / "01_client.sqlog"), "1234567890");
  EXPECT_EQ(read_file(folder_ / "02_client.sqlog"), "12345");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("has 10 bytes and ends here")));
}

TEST_F(QlogFilesTest, O01_AnIdThatComesAgainGetsAFileOfItsOwnAndNotAnyNumber) {
  QlogFiles files = make();
  for (int i = 0; i < 20; ++i) {
    if (const auto sink = files.open({"01", true})) write(*sink, std::to_string(i));
  }
  EXPECT_EQ(read_file(folder_ / "01_server.sqlog"), "0");
  EXPECT_EQ(read_file(folder_ / "01_server-2.sqlog"), "1");
  EXPECT_EQ(read_file(folder_ / "01_server-9.sqlog"), "8");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("File exists")));
}

TEST_F(QlogFilesTest, O01_SoManySessionsAreTracedAndNoMore) {
  QlogFiles files = make({100, 3});
  int traced = 0;
  for (int i = 0; i < 10; ++i) traced += files.open({std::to_string(i), true}) ? 1 : 0;
  EXPECT_EQ(traced, 3);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("sessions from now on get none")));
}

TEST_F(QlogFilesTest, L06_OnAFullDiskATraceEndsBehindItsLastWholeRecord) {
  QlogFiles files = make();
  const auto sink = files.open({"01", false});
  const auto other = files.open({"02", false});
  {
    const FullDisk full(7);
    for (int i = 0; i < 3; ++i) {
      write(*sink, "12345");
      write(*other, "12345");
    }
  }
  write(*sink, "6");
  EXPECT_EQ(read_file(folder_ / "01_client.sqlog"), "12345");
  EXPECT_EQ(read_file(folder_ / "02_client.sqlog"), "12345");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("cannot write ")));
  // Later sessions are traced again.
  write(*files.open({"03", false}), "whole");
  EXPECT_EQ(read_file(folder_ / "03_client.sqlog"), "whole");
}

TEST_F(QlogFilesTest, L06_AFolderThatTakesNoFilesIsSaidOnceAndCostsNothing) {
  QlogFiles files = make_in(folder_ / "no/such/folder", {100, 2});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(files.open({std::to_string(i), true}), nullptr);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("No such file")));
}

TEST_F(QlogFilesTest, LeaveWhatIsThereAsItIs) {
  write_file(folder_ / "01_client.sqlog", "somebody else's");
  QlogFiles files = make();
  write(*files.open({"01", false}), "ours");
  EXPECT_EQ(read_file(folder_ / "01_client.sqlog"), "somebody else's");
  EXPECT_EQ(read_file(folder_ / "01_client-2.sqlog"), "ours");
}

}  // namespace
}  // namespace echostream::internal
