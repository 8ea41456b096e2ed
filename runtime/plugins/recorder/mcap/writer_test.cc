#include "runtime/plugins/recorder/mcap/writer.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/plugins/recorder/mcap/crc32.h"

namespace echostream::mcap {
namespace {

class StringSink final : public ByteSink {
 public:
  Status append(BytesView bytes) override {
    if (file.size() + bytes.size() > most) return {StatusCode::kUnavailable, "No space left"};
    file.append(as_text(bytes));
    return Status::ok();
  }
  std::string file;
  std::size_t most = SIZE_MAX;
};

// "01 02 ff" to its bytes; whatever stands between apostrophes is text.
std::string bytes(std::string_view description) {
  std::string out;
  for (std::size_t i = 0; i < description.size();) {
    if (description[i] == ' ' || description[i] == '\n') {
      ++i;
    } else if (description[i] == '\'') {
      const std::size_t end = description.find('\'', i + 1);
      out += description.substr(i + 1, end - i - 1);
      i = end + 1;
    } else {
      out += static_cast<char>(std::stoi(std::string(description.substr(i, 2)), nullptr, 16));
      i += 2;
    }
  }
  return out;
}
std::string u32(std::uint32_t value) {
  FieldWriter out;
  out.u32(value);
  return std::string(as_text(out.view()));
}

WriterOptions plain() {
  WriterOptions options;
  options.compression = RecordingCompression::kNone;
  options.library = "lib";
  return options;
}

TEST(Crc32, IsThatOfZlib) {
  EXPECT_EQ(crc32({}), 0u);
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926u);  // the check value of CRC-32/ISO-HDLC
  EXPECT_EQ(crc32(as_bytes("The quick brown fox jumps over the lazy dog")), 0x414FA339u);
}

TEST(Crc32, TakesItsBytesInPieces) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const std::uint32_t begun = crc32(as_bytes(text.substr(0, i)));
    EXPECT_EQ(crc32(as_bytes(text.substr(i)), begun), 0x414FA339u) << i;
  }
}

// The bytes below were put together by hand from the tables of https://mcap.dev/spec.
constexpr char kBegin[] =
    "89 'MCAP0' 0d 0a"
    "01 0b 00 00 00 00 00 00 00  00 00 00 00  03 00 00 00 'lib'";

TEST(McapWriter, WritesAnEmptyFile) {
  StringSink sink;
  Writer writer(sink, plain());
  ASSERT_TRUE(writer.begin().is_ok());
  EXPECT_EQ(sink.file, bytes(kBegin));
  const std::uint32_t data_crc = crc32(as_bytes(sink.file));
  ASSERT_TRUE(writer.finish().is_ok());

  std::string expected = bytes(kBegin);
  expected += bytes("0f 04 00 00 00 00 00 00 00") + u32(data_crc);  // DataEnd
  const std::size_t summary = expected.size();
  ASSERT_EQ(summary, 41u);
  expected += bytes(  // Statistics
      "0b 2e 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00  00 00 00 00  00 00 00 00"
      "00 00 00 00  00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00");
  expected += bytes(  // SummaryOffset of the statistics: from 41, 55 bytes
      "0e 11 00 00 00 00 00 00 00  0b  29 00 00 00 00 00 00 00  37 00 00 00 00 00 00 00");
  expected += bytes("02 14 00 00 00 00 00 00 00  29 00 00 00 00 00 00 00  60 00 00 00 00 00 00 00");
  expected += u32(crc32(as_bytes(std::string_view(expected).substr(summary))));
  expected += bytes("89 'MCAP0' 0d 0a");
  EXPECT_EQ(sink.file, expected);
}

TEST(McapWriter, WritesChunksWithTheirIndexes) {
  StringSink sink;
  Writer writer(sink, plain());
  ASSERT_TRUE(writer.begin().is_ok());
  const auto schema = writer.add_schema("a.B", "protobuf", "set");
  ASSERT_TRUE(schema.has_value());
  Channel described;
  described.schema_id = *schema;
  described.topic = "/t";
  described.message_encoding = "protobuf";
  described.metadata = {{"k", "v"}};
  const auto channel = writer.add_channel(described);
  ASSERT_TRUE(channel.has_value());
  ASSERT_TRUE(writer.write({*channel, 7, 0x102, 0x101}, as_bytes("hi")).is_ok());
  EXPECT_EQ(sink.file, bytes(kBegin)) << "nothing is written before the chunk is";
  ASSERT_TRUE(writer.flush().is_ok());

  const std::string records = bytes(
      "03 1c 00 00 00 00 00 00 00  01 00  03 00 00 00 'a.B'  08 00 00 00 'protobuf'"
      "03 00 00 00 'set'"
      "04 24 00 00 00 00 00 00 00  01 00  01 00  02 00 00 00 '/t'  08 00 00 00 'protobuf'"
      "0a 00 00 00  01 00 00 00 'k'  01 00 00 00 'v'"
      "05 18 00 00 00 00 00 00 00  01 00  07 00 00 00  02 01 00 00 00 00 00 00"
      "01 01 00 00 00 00 00 00  'hi'");
  ASSERT_EQ(records.size(), 115u);
  std::string expected = bytes(kBegin);
  expected += bytes(
      "06 9b 00 00 00 00 00 00 00  02 01 00 00 00 00 00 00  02 01 00 00 00 00 00 00"
      "73 00 00 00 00 00 00 00");
  expected += u32(crc32(as_bytes(records))) + bytes("00 00 00 00  73 00 00 00 00 00 00 00");
  expected += records;
  expected += bytes(  // MessageIndex: the message lies at 82 in the records
      "07 16 00 00 00 00 00 00 00  01 00  10 00 00 00  02 01 00 00 00 00 00 00"
      "52 00 00 00 00 00 00 00");
  EXPECT_EQ(sink.file, expected);

  const std::size_t data_end = sink.file.size();
  ASSERT_TRUE(writer.finish().is_ok());
  const std::string summary = sink.file.substr(data_end + 13);
  EXPECT_EQ(summary.substr(0, 37), records.substr(0, 37)) << "the schema again";
  EXPECT_EQ(summary.substr(37, 45), records.substr(37, 45)) << "the channel again";
  const std::string index = bytes(  // ChunkIndex: from 28, 164 bytes; its index from 192, 31 bytes
      "08 4a 00 00 00 00 00 00 00  02 01 00 00 00 00 00 00  02 01 00 00 00 00 00 00"
      "1c 00 00 00 00 00 00 00  a4 00 00 00 00 00 00 00"
      "0a 00 00 00  01 00  c0 00 00 00 00 00 00 00  1f 00 00 00 00 00 00 00  00 00 00 00"
      "73 00 00 00 00 00 00 00  73 00 00 00 00 00 00 00");
  EXPECT_NE(summary.find(index), std::string::npos);
}

TEST(McapWriter, WritesAChunkWhenItIsFull) {
  StringSink sink;
  WriterOptions options = plain();
  options.chunk_bytes = 1000;
  Writer writer(sink, options);
  ASSERT_TRUE(writer.begin().is_ok());
  Channel described;
  described.topic = "/t";
  const auto channel = writer.add_channel(described);
  for (std::uint32_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(writer.write({*channel, i, i, i}, as_bytes(std::string(100, 'x'))).is_ok());
    EXPECT_LT(writer.bytes_waiting(), 1000u);
  }
  EXPECT_GT(writer.messages_flushed(), 90u);
}

TEST(McapWriter, StopsAfterAnError) {
  StringSink sink;
  sink.most = 100;
  Writer writer(sink, plain());
  ASSERT_TRUE(writer.begin().is_ok());
  Channel described;
  described.topic = "/t";
  const auto channel = writer.add_channel(described);
  ASSERT_TRUE(writer.write({*channel, 0, 1, 1}, as_bytes(std::string(100, 'x'))).is_ok());
  const std::string before = sink.file;
  EXPECT_EQ(writer.flush().code(), StatusCode::kUnavailable);
  sink.most = SIZE_MAX;
  EXPECT_EQ(writer.write({*channel, 0, 1, 1}, as_bytes("x")).code(), StatusCode::kUnavailable);
  EXPECT_EQ(writer.finish().code(), StatusCode::kUnavailable);
  EXPECT_EQ(sink.file, before) << "half a file is not continued";
  EXPECT_EQ(writer.messages_flushed(), 0u);
}

TEST(McapWriter, HasRoomForAsManyChannelsAsTheFormat) {
  StringSink sink;
  Writer writer(sink, plain());
  ASSERT_TRUE(writer.begin().is_ok());
  for (int i = 0; i < 65'535; ++i) ASSERT_TRUE(writer.add_channel({}).has_value());
  EXPECT_EQ(writer.add_channel({}).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace echostream::mcap
