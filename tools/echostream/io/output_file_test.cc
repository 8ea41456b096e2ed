#include "tools/echostream/io/output_file.h"

#include <gtest/gtest.h>

#include <iterator>

namespace echostream::tool {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ =
        fs::path(testing::TempDir()) / ("echostream-" + std::string(info->name()) + "-" +
                                        std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  static void write(const std::string& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
  }

  fs::path folder_;
};

TEST_F(OutputFileTest, AppearsOnlyWhenItIsWhole) {
  auto file = OutputFile::create(path("a"), {});
  ASSERT_TRUE(file);
  file->stream() << "half";
  file->stream().flush();
  EXPECT_FALSE(fs::exists(path("a")));
  file->stream() << " and half";
  EXPECT_TRUE(file->commit().is_ok());
  EXPECT_EQ(content(path("a")), "half and half");
  EXPECT_EQ(files(), 1U);
}

TEST_F(OutputFileTest, LeavesNothingBehindWithoutCommit) {
  write(path("a"), "old");
  {
    auto file = OutputFile::create(path("a"), {});
    ASSERT_TRUE(file);
    file->stream() << "new";
    const OutputFile moved = std::move(*file);
  }
  EXPECT_EQ(content(path("a")), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(OutputFileTest, RefusesToOverwriteItsInputUnderAnyName) {
  write(path("in"), "data");
  fs::create_symlink(path("in"), path("link"));
  for (const std::string& name : {path("in"), path("link"), path("./in")}) {
    const auto file = OutputFile::create(name, {"", path("in")});
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(file.error().message(), name + " is the input; name another file to write to");
  }
  EXPECT_EQ(content(path("in")), "data");
}

TEST_F(OutputFileTest, WritesThroughALinkToItsTarget) {
  write(path("target"), "old");
  fs::create_symlink(path("target"), path("link"));
  auto file = OutputFile::create(path("link"), {});
  ASSERT_TRUE(file);
  file->stream() << "new";
  EXPECT_TRUE(file->commit().is_ok());
  EXPECT_EQ(content(path("target")), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
}

TEST_F(OutputFileTest, SaysWhyItCannotBeWritten) {
  const auto nowhere = OutputFile::create(path("no/such/a"), {});
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), StatusCode::kUnavailable);
  EXPECT_EQ(nowhere.error().message(),
            "cannot write " + path("no/such/a") + ": there is no folder " + path("no/such"));
  const auto folder = OutputFile::create(folder_.string(), {});
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message(), "cannot write " + folder_.string() + ": it is a folder");
}

TEST_F(OutputFileTest, WritesDevicesDirectly) {
  auto null = OutputFile::create("/dev/null", {});
  ASSERT_TRUE(null);
  null->stream() << "gone";
  EXPECT_TRUE(null->commit().is_ok());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, ReportsAFullDisk) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  auto full = OutputFile::create("/dev/full", {});
  ASSERT_TRUE(full);
  full->stream() << std::string(100'000, 'a');
  const Status status = full->commit();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message().find("cannot write /dev/full: "), 0U);
}

TEST_F(OutputFileTest, OpensNoInputThatIsAFolderOrMissing) {
  EXPECT_EQ(open_input(folder_.string()).error().message(),
            "cannot read " + folder_.string() + ": it is a folder");
  EXPECT_EQ(open_input(path("none")).error().message(),
            "cannot read " + path("none") + ": No such file or directory");
}

}  // namespace
}  // namespace echostream::tool
