#include "runtime/plugins/recorder/recording_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <string>

#include "runtime/plugins/recorder/recorder_test_support.h"

namespace echostream::recorder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void end(FileSet& set, std::unique_ptr<FileSink> file, std::uint64_t bytes) {
  set.end(*file, bytes, false);
}

TEST(RecordingFile, IsReadableByItsOwnerOnly) {
  TemporaryFolder folder;
  auto file = FileSink::create(folder.file("a.mcap"), false);
  ASSERT_TRUE(file.has_value()) << file.status();
  struct ::stat about {};
  ASSERT_EQ(::stat(folder.file("a.mcap").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST(RecordingFile, DoesNotOverwriteAnotherUnlessItIsTold) {
  TemporaryFolder folder;
  std::ofstream(folder.file("a.mcap")) << "somebody's";
  FileSet careful({folder.file("a.mcap"), false, 0, 0});
  const auto refused = careful.begin_next();
  EXPECT_EQ(refused.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(refused.status().to_string(), HasSubstr("a.mcap"));
  FileSet told({folder.file("a.mcap"), true, 0, 0});
  EXPECT_TRUE(told.begin_next().has_value());
}

TEST(RecordingFile, SaysWhyItCannotBeWritten) {
  const auto file = FileSink::create("/no/such/folder/a.mcap", false);
  EXPECT_EQ(file.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(file.status().to_string(), HasSubstr("No such file or directory"));
}

TEST(RecordingFile, NumbersThoseThatFollow) {
  TemporaryFolder folder;
  std::ofstream(folder.file("a-2.mcap")) << "somebody's";
  FileSet set({folder.file("a.mcap"), false, 0, 0});
  end(set, *set.begin_next(), 10);
  end(set, *set.begin_next(), 10);
  end(set, *set.begin_next(), 10);
  EXPECT_THAT(folder.files(), ElementsAre("a-2.mcap", "a-3.mcap", "a-4.mcap", "a.mcap"));
  EXPECT_EQ(set.begun(), 3u);
}

TEST(RecordingFile, MayHaveNoEndingOrAFolderWithADot) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("v1.0"));
  FileSet set({folder.file("v1.0/drive"), false, 0, 0});
  end(set, *set.begin_next(), 10);
  end(set, *set.begin_next(), 10);
  EXPECT_TRUE(std::filesystem::exists(folder.file("v1.0/drive-2")));
}

TEST(RecordingFile, OldestOnesMakeRoomForTheNext) {
  TemporaryFolder folder;
  FileSet set({folder.file("a.mcap"), false, 300, 100});
  for (int i = 0; i < 5; ++i) end(set, *set.begin_next(), 100);
  EXPECT_THAT(folder.files(), ElementsAre("a-3.mcap", "a-4.mcap", "a-5.mcap"));
  EXPECT_EQ(set.deleted(), 2u);
}

// A disk that is full, as far as this process is concerned.
TEST(RecordingFile, L06_ADiskThatIsFullLeavesWhatWasWrittenWhole) {
  TemporaryFolder folder;
  auto file = FileSink::create(folder.file("a.mcap"), false);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE((*file)->append(as_bytes("whole")).is_ok());
  ::rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  const ::rlimit tight{100, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  const Status full = (*file)->append(as_bytes(std::string(1000, 'x')));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, previous);
  EXPECT_EQ(full.code(), StatusCode::kUnavailable);
  EXPECT_THAT(full.to_string(), HasSubstr("a.mcap"));
  EXPECT_EQ(std::filesystem::file_size(folder.file("a.mcap")), 5u);
}

TEST(RecordingFile, MayHaveTheTimeAndANumberInItsName) {
  const WallTime time(std::chrono::seconds(1'769'903'999));
  EXPECT_EQ(path_at("/a/{time}/b-{time}.mcap", time, 1),
            "/a/20260131T235959Z/b-20260131T235959Z.mcap");
  EXPECT_EQ(path_at("b-{id}.mcap", time, 0xABC), "b-00000abc.mcap");
  EXPECT_EQ(path_at("plain.mcap", time, 1), "plain.mcap");
}

}  // namespace
}  // namespace echostream::recorder
