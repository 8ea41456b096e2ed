#include "runtime/plugins/recorder/recorder_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <random>
#include <string>

#include "runtime/plugins/recorder/recorder_test_support.h"
#include "runtime/plugins/recorder/recording.pb.h"

namespace echostream::recorder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t kSecond = 1'000'000'000;

std::shared_ptr<const Topic> topic(std::string name) {
  auto made = std::make_shared<Topic>();
  made->name = std::move(name);
  made->type = recording::v1::CallEnded::descriptor();
  made->metadata = {{"k", "v"}};
  return made;
}

QueuedMessage message(const std::shared_ptr<const Topic>& topic, std::uint64_t time,
                      std::string_view bytes) {
  return {topic, {0, 0, time, time}, Buffer::copy(bytes)};
}

std::string noise(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

struct Contents {
  std::vector<std::string> messages;
  std::vector<RecordedMetadata> metadata;
  RecordingDamage damage;
};
Contents contents_of(const std::string& path) {
  Contents contents;
  auto reader = RecordingReader::open(path);
  EXPECT_TRUE(reader.has_value()) << reader.status();
  if (!reader) return contents;
  while (auto next = reader->next()) contents.messages.emplace_back(as_text(next->data));
  contents.metadata = reader->metadata();
  contents.damage = reader->damage();
  return contents;
}

RecorderOptions options_for(const TemporaryFolder& folder) {
  RecorderOptions options(folder.file("a.mcap"));
  options.compression = RecordingCompression::kNone;
  return options;
}

TEST(RecorderThread, WritesWhatItIsGivenInItsOrder) {
  TemporaryFolder folder;
  std::vector<std::string> given;
  {
    RecorderThread thread(options_for(folder));
    ASSERT_TRUE(thread.begin(WallTime{}).is_ok());
    const auto a = topic("/a");
    const auto b = topic("/b");
    for (int i = 0; i < 1000; ++i) {
      given.push_back("message " + std::to_string(i));
      thread.push(message(i % 2 == 0 ? a : b, static_cast<std::uint64_t>(i), given.back()));
    }
    thread.flush();
    EXPECT_EQ(thread.stats().messages_written, 1000u);
    EXPECT_EQ(contents_of(folder.file("a.mcap")).messages, given) << "before the file has an end";
  }
  const Contents contents = contents_of(folder.file("a.mcap"));
  EXPECT_EQ(contents.messages, given);
  EXPECT_TRUE(contents.damage.is_complete()) << contents.damage.reason;
}

TEST(RecorderThread, WritesWhatWaitsWhenTheTimeHasCome) {
  TemporaryFolder folder;
  RecorderThread thread(options_for(folder));
  ASSERT_TRUE(thread.begin(WallTime{}).is_ok());
  thread.push(message(topic("/a"), 1, "one"));
  thread.push(Tick{kSecond});
  // No flush(): the tick alone must do it.
  while (thread.stats().messages_written == 0) std::this_thread::yield();
  EXPECT_THAT(contents_of(folder.file("a.mcap")).messages, ElementsAre("one"));
}

TEST(RecorderThread, GoesOnInAnotherFileWhenOneIsLargeEnough) {
  TemporaryFolder folder;
  RecorderOptions options = options_for(folder);
  options.chunk_bytes = 1024;
  options.max_file_bytes = 20'000;
  options.max_total_bytes = 60'000;
  RecorderStats stats;
  {
    RecorderThread thread(options);
    ASSERT_TRUE(thread.begin(WallTime{}).is_ok());
    EXPECT_TRUE(thread.push(QueuedSession{1, mcap::StringMap{{"peer", "left"}}}));
    EXPECT_TRUE(thread.push(QueuedSession{2, mcap::StringMap{{"peer", "stays"}}}));
    EXPECT_TRUE(thread.push(QueuedSession{1, std::nullopt}));
    const auto a = topic("/a");
    for (std::uint64_t i = 0; i < 200; ++i) thread.push(message(a, i, std::string(1000, 'x')));
    thread.flush();
    stats = thread.stats();
  }
  EXPECT_EQ(stats.messages_written, 200u);
  EXPECT_EQ(stats.messages_dropped, 0u);
  EXPECT_GT(stats.files, 9u);
  EXPECT_GE(stats.files - stats.files_deleted, 2u);
  std::uintmax_t total = 0;
  for (const std::string& name : folder.files()) {
    total += std::filesystem::file_size(folder.file(name));
    const Contents contents = contents_of(folder.file(name));
    EXPECT_TRUE(contents.damage.is_complete()) << name << ": " << contents.damage.reason;
    ASSERT_EQ(contents.metadata.size(), 1u) << name;
    EXPECT_EQ(contents.metadata[0].entries[0].second, "stays");
  }
  EXPECT_LT(total, 62'000u);
}

TEST(RecorderThread, GoesOnInAnotherFileWhenOneIsOldEnough) {
  TemporaryFolder folder;
  RecorderOptions options = options_for(folder);
  options.max_file_duration = std::chrono::seconds(10);
  {
    RecorderThread thread(options);
    ASSERT_TRUE(thread.begin(WallTime{}).is_ok());
    const auto a = topic("/a");
    for (std::uint64_t second : {1, 9, 11, 19, 25}) {
      thread.push(message(a, second * kSecond, std::to_string(second)));
      thread.push(Tick{second * kSecond});
    }
    thread.flush();
  }
  EXPECT_THAT(contents_of(folder.file("a.mcap")).messages, ElementsAre("1", "9"));
  EXPECT_THAT(contents_of(folder.file("a-2.mcap")).messages, ElementsAre("11", "19"));
  EXPECT_THAT(contents_of(folder.file("a-3.mcap")).messages, ElementsAre("25"));
}

TEST(RecorderThread, DropsMessagesThatFindTheQueueFullAndCountsThem) {
  TemporaryFolder folder;
  RecorderOptions options = options_for(folder);
  options.max_queue_bytes = 10'000;
  RecorderThread thread(options);  // not begun: nobody empties the queue
  for (std::uint64_t i = 0; i < 100; ++i) {
    thread.push(message(topic("/a"), i, std::string(1000, 'x')));
  }
  EXPECT_EQ(thread.stats().messages_dropped, 100u - 8u);
  EXPECT_FALSE(thread.push(QueuedSession{1, mcap::StringMap{}}));
}

TEST(RecorderThread, BeginsAnotherFileWhenOneHasNoNumbersLeftForChannels) {
  TemporaryFolder folder;
  RecorderOptions options = options_for(folder);
  options.max_queue_bytes = 1024 * 1024 * 1024;
  {
    RecorderThread thread(options);
    ASSERT_TRUE(thread.begin(WallTime{}).is_ok());
    for (std::uint64_t i = 0; i < 65'540; ++i) thread.push(message(topic("/a"), i, "x"));
    thread.flush();
    EXPECT_EQ(thread.stats().messages_dropped, 0u);
  }
  EXPECT_EQ(contents_of(folder.file("a.mcap")).messages.size(), 65'535u);
  EXPECT_EQ(contents_of(folder.file("a-2.mcap")).messages.size(), 5u);
}

TEST(RecorderThread, SaysWhyItCannotBegin) {
  RecorderOptions options("/dev/full");
  options.overwrite = true;
  RecorderThread thread(options);
  const Status begun = thread.begin(WallTime{});
  EXPECT_EQ(begun.code(), StatusCode::kUnavailable);
  EXPECT_THAT(begun.to_string(), HasSubstr("No space left on device"));
}

// A full disk, as far as this process is concerned.
TEST(RecorderThread, L06_ADiskThatIsFullCostsMessagesAndNothingElse) {
  TemporaryFolder folder;
  RecorderOptions options = options_for(folder);
  options.chunk_bytes = 4096;
  RecorderThread thread(options);
  ASSERT_TRUE(thread.begin(WallTime{}).is_ok());
  const auto a = topic("/a");
  ::rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  const ::rlimit tight{10'000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &tight);
  for (std::uint32_t i = 0; i < 20; ++i) thread.push(message(a, kSecond, noise(1000, i)));
  thread.push(Tick{kSecond});
  thread.flush();
  const RecorderStats full = thread.stats();
  thread.push(message(a, kSecond, "while it is full"));
  thread.push(Tick{2 * kSecond});
  thread.flush();
  EXPECT_EQ(thread.stats().files, full.files) << "it is not tried again at once";
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, previous);

  EXPECT_EQ(full.error.code(), StatusCode::kUnavailable);
  EXPECT_GT(full.messages_written, 0u);
  EXPECT_EQ(full.messages_written + full.messages_dropped, 20u);
  const Contents cut = contents_of(folder.file("a.mcap"));
  EXPECT_EQ(cut.messages.size(), full.messages_written);
  EXPECT_EQ(cut.damage.bytes_lost_at_end, 0u) << "half chunks are cut off";

  thread.push(Tick{20 * kSecond});
  thread.push(message(a, 20 * kSecond, "there is room again"));
  thread.flush();
  const RecorderStats again = thread.stats();
  EXPECT_TRUE(again.error.is_ok()) << again.error;
  EXPECT_EQ(again.messages_dropped, full.messages_dropped + 1);
  EXPECT_THAT(contents_of(folder.file("a-2.mcap")).messages, ElementsAre("there is room again"));
}

TEST(RecorderThread, TakesNothingAfterItsEnd) {
  TemporaryFolder folder;
  RecorderThread thread(options_for(folder));
  ASSERT_TRUE(thread.begin(WallTime{}).is_ok());
  thread.push(message(topic("/a"), 1, "before"));
  thread.close();
  thread.push(message(topic("/a"), 1, "after"));
  thread.flush();
  EXPECT_EQ(thread.stats().messages_dropped, 1u);
  EXPECT_THAT(contents_of(folder.file("a.mcap")).messages, ElementsAre("before"));
}

}  // namespace
}  // namespace echostream::recorder
