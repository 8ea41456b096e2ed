#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "runtime/plugins/recorder/mcap/compression.h"
#include "runtime/plugins/recorder/recorder_test_support.h"

namespace echostream::recorder {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Recording : public ::testing::TestWithParam<RecordingCompression> {};

TEST_P(Recording, IsReadAsItWasWritten) {
  auto reader = RecordingReader::from_bytes(Buffer::copy(small_recording(GetParam())));
  ASSERT_TRUE(reader.has_value()) << reader.status();
  for (std::uint32_t i = 0; i < 6; ++i) {
    const auto message = reader->next();
    ASSERT_TRUE(message.has_value()) << i;
    EXPECT_EQ(message->channel->topic, i % 2 == 0 ? "/a" : "/b");
    EXPECT_EQ(message->channel->schema_name, "a.B");
    EXPECT_EQ(message->channel->schema, "no descriptor");
    EXPECT_EQ(message->sequence, i);
    EXPECT_EQ(message->log_time.time_since_epoch().count(), 1000 + i);
    EXPECT_EQ(message->publish_time.time_since_epoch().count(), 900 + i);
    EXPECT_EQ(as_text(message->data), "message " + std::to_string(i));
  }
  EXPECT_FALSE(reader->next().has_value());
  EXPECT_FALSE(reader->next().has_value());
  EXPECT_TRUE(reader->damage().is_complete()) << reader->damage().reason;
  EXPECT_EQ(reader->library(), "echostream");
  EXPECT_EQ(reader->channels().size(), 2u);
  ASSERT_EQ(reader->metadata().size(), 1u);
  EXPECT_EQ(reader->metadata()[0].name, "echostream.session");
}

TEST_P(Recording, ThatWasCutAnywhereIsReadUpToItsLastWholeChunk) {
  const std::string file = small_recording(GetParam());
  std::size_t most = 0;
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto read = read_back(std::string_view(file).substr(0, size));
    ASSERT_EQ(read.has_value(), size >= 8) << size;
    if (!read) continue;
    EXPECT_EQ(read->messages.size() % 3, 0u) << size;
    EXPECT_GE(read->messages.size(), most) << size;
    most = read->messages.size();
    for (std::size_t i = 0; i < most; ++i) {
      EXPECT_EQ(read->messages[i], "message " + std::to_string(i)) << size;
    }
    EXPECT_FALSE(read->damage.is_complete()) << size;
    EXPECT_FALSE(read->damage.reason.empty()) << size;
    EXPECT_EQ(read->damage.end_offset + read->damage.bytes_lost_at_end, size);
  }
  EXPECT_EQ(most, 6u);
}

// One bit of each byte: no message is ever wrong, and nothing is missing that is not told.
TEST_P(Recording, ThatIsDamagedAnywhereGivesNoWrongMessage) {
  const std::string file = small_recording(GetParam());
  const std::size_t data_begins = 8 + 9 + 4 + 4 + 10;
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto read = read_back(damaged);
      if (!read) {
        EXPECT_LT(at, data_begins);
        continue;
      }
      EXPECT_LE(read->messages.size(), 6u);
      for (const std::string& message : read->messages) {
        ASSERT_EQ(message.substr(0, 8), "message ") << at;
      }
      EXPECT_TRUE(read->messages.size() == 6 || !read->damage.reason.empty()) << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Compressions, Recording,
                         ::testing::Values(RecordingCompression::kNone, RecordingCompression::kLz4,
                                           RecordingCompression::kZstd));

TEST(RecordingReader, GoesOnBehindADamagedChunk) {
  std::string file = small_recording(RecordingCompression::kNone);
  file[file.find("message 1")] ^= 1;
  auto read = read_back(file);
  ASSERT_TRUE(read.has_value());
  // The channels were in the first chunk too.
  EXPECT_TRUE(read->messages.empty());
  EXPECT_EQ(read->damage.chunks_lost, 1u);
  EXPECT_EQ(read->damage.records_lost, 3u);
  EXPECT_THAT(read->damage.reason, HasSubstr("checksum"));
  EXPECT_TRUE(read->damage.is_finished);

  file = small_recording(RecordingCompression::kNone);
  file[file.find("message 4")] ^= 1;
  read = read_back(file);
  EXPECT_THAT(read->messages, ElementsAre("message 0", "message 1", "message 2"));
  EXPECT_EQ(read->damage.chunks_lost, 1u);
}

TEST(RecordingReader, HoldsNoChunkThatIsTooLarge) {
  MemorySink sink;
  mcap::Writer writer(sink, {});
  ASSERT_TRUE(writer.begin().is_ok());
  const auto channel = writer.add_channel({});
  ASSERT_TRUE(writer.write({*channel, 0, 1, 1}, as_bytes(std::string(1'000'000, 'x'))).is_ok());
  ASSERT_TRUE(writer.finish().is_ok());
  ASSERT_LT(sink.file.size(), 10'000u) << "a bomb is small";
  RecordingOptions options;
  options.max_chunk_bytes = 900'000;
  const auto read = read_back(sink.file, options);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->messages.empty());
  EXPECT_EQ(read->damage.chunks_lost, 1u);
  EXPECT_THAT(read->damage.reason, HasSubstr("max_chunk_bytes"));
}

// A chunk of records that one helper writes.
std::string file_with(const std::function<void(mcap::FieldWriter&)>& write) {
  mcap::FieldWriter records;
  write(records);
  mcap::Compressor compressor(RecordingCompression::kZstd);
  const auto compressed = compressor.compress(records.view());
  mcap::FieldWriter file;
  file.raw(mcap::kMagic);
  file.begin_record(mcap::Opcode::kChunk);
  file.u64(0);
  file.u64(0);
  file.u64(records.size());
  file.u32(0);
  file.string("zstd");
  file.u64(compressed->size());
  file.raw(*compressed);
  file.end_record();
  return std::string(as_text(file.view()));
}

TEST(RecordingReader, SharesASchemaBetweenItsChannels) {
  const std::string file = file_with([](mcap::FieldWriter& out) {
    mcap::write_schema(out, {1, "a.B", "protobuf", std::string(1'000'000, 'x')});
    for (std::uint16_t id = 1; id <= 60'000; ++id) {
      mcap::Channel channel;
      channel.id = id;
      channel.schema_id = 1;
      mcap::write_channel(out, channel);
    }
  });
  ASSERT_LT(file.size(), 1'000'000u);
  auto reader = RecordingReader::from_bytes(Buffer::copy(file));
  ASSERT_TRUE(reader.has_value());
  EXPECT_FALSE(reader->next().has_value());
  const auto channels = reader->channels();
  ASSERT_EQ(channels.size(), 60'000u);
  EXPECT_EQ(channels.front()->schema.size(), 1'000'000u);
  EXPECT_EQ(channels.front()->schema.data(), channels.back()->schema.data());
}

TEST(RecordingReader, HoldsNoMapWithoutEnd) {
  const std::string file = file_with([](mcap::FieldWriter& out) {
    mcap::Channel channel;
    channel.id = 1;
    channel.metadata.resize(100'000);
    mcap::write_channel(out, channel);
  });
  auto reader = RecordingReader::from_bytes(Buffer::copy(file));
  ASSERT_TRUE(reader.has_value());
  EXPECT_FALSE(reader->next().has_value());
  EXPECT_TRUE(reader->channels().empty());
  EXPECT_EQ(reader->damage().records_lost, 1u);
}

TEST(RecordingReader, BoundsWhatAFileSaysOfItself) {
  const std::string file = file_with([](mcap::FieldWriter& out) {
    for (std::uint16_t id = 1; id <= 60; ++id) {
      mcap::Channel channel;
      channel.id = id;
      channel.metadata.resize(50'000);
      mcap::write_channel(out, channel);
    }
  });
  ASSERT_LT(file.size(), 1'000'000u);
  auto reader = RecordingReader::from_bytes(Buffer::copy(file));
  ASSERT_TRUE(reader.has_value());
  EXPECT_FALSE(reader->next().has_value());
  EXPECT_LT(reader->channels().size(), 50u);
  EXPECT_GT(reader->damage().records_lost, 10u);
  EXPECT_THAT(reader->damage().reason, HasSubstr("256 MiB"));
}

// "Files may have schemas, channels and messages outside of chunks."
TEST(RecordingReader, ReadsMessagesOutsideOfChunks) {
  mcap::FieldWriter file;
  file.raw(mcap::kMagic);
  file.begin_record(mcap::Opcode::kHeader);
  file.string("");
  file.string("by hand");
  file.end_record();
  mcap::Channel channel;
  channel.id = 3;
  channel.topic = "/t";
  mcap::write_channel(file, channel);
  mcap::write_message(file, {3, 0, 1, 1}, as_bytes("one"));
  mcap::write_message(file, {4, 0, 1, 1}, as_bytes("of a channel that is not there"));
  file.begin_record(static_cast<mcap::Opcode>(0x80));  // a private record
  file.string("whatever");
  file.end_record();
  mcap::write_message(file, {3, 1, 2, 2}, as_bytes("two"));
  const auto read = read_back(as_text(file.view()));
  ASSERT_TRUE(read.has_value());
  EXPECT_THAT(read->messages, ElementsAre("one", "two"));
  EXPECT_EQ(read->damage.records_lost, 1u);
  EXPECT_FALSE(read->damage.is_finished);
}

TEST(RecordingReader, SaysWhatIsNoRecording) {
  const auto none = RecordingReader::open("/no/such/file");
  EXPECT_EQ(none.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(none.status().to_string(), HasSubstr("/no/such/file"));
  EXPECT_EQ(RecordingReader::open("/").status().code(), StatusCode::kInvalidArgument);
  const auto other = RecordingReader::from_bytes(Buffer::copy("{\"json\": true}"));
  EXPECT_EQ(other.status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace echostream::recorder
