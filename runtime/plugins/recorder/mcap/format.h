// The MCAP file format, version 0: its records, and how their fields are written and read.
// https://mcap.dev/spec says what they mean; section names in comments are those of that page.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/bytes.h"

namespace echostream::mcap {

inline constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 'M', 'C', 'A', 'P', '0', '\r', '\n'};

/// "Records".
enum class Opcode : std::uint8_t {
  kHeader = 0x01,
  kFooter = 0x02,
  kSchema = 0x03,
  kChannel = 0x04,
  kMessage = 0x05,
  kChunk = 0x06,
  kMessageIndex = 0x07,
  kChunkIndex = 0x08,
  kAttachment = 0x09,
  kAttachmentIndex = 0x0A,
  kStatistics = 0x0B,
  kMetadata = 0x0C,
  kMetadataIndex = 0x0D,
  kSummaryOffset = 0x0E,
  kDataEnd = 0x0F,
};
/// A record's opcode and its length.
inline constexpr std::size_t kRecordHeaderBytes = 1 + 8;
/// Of a footer's content.
inline constexpr std::size_t kFooterBytes = 8 + 8 + 4;
/// Of a message's content before its data.
inline constexpr std::size_t kMessageHeaderBytes = 2 + 4 + 8 + 8;

/// Map<string, string>, in the order in which the file has it.
using StringMap = std::vector<std::pair<std::string, std::string>>;

struct Schema {
  std::uint16_t id = 0;
  std::string name;
  std::string encoding;
  std::string data;
};
struct Channel {
  std::uint16_t id = 0;
  std::uint16_t schema_id = 0;
  std::string topic;
  std::string message_encoding;
  StringMap metadata;
};
/// Times in nanoseconds of Unix time.
struct MessageHeader {
  std::uint16_t channel_id = 0;
  std::uint32_t sequence = 0;
  std::uint64_t log_time = 0;
  std::uint64_t publish_time = 0;
};
/// A chunk record's fields before its records.
struct ChunkHeader {
  std::uint64_t start_time = 0;
  std::uint64_t end_time = 0;
  std::uint64_t uncompressed_size = 0;
  std::uint32_t uncompressed_crc = 0;
  std::string compression;
};

/// Appends fields ("Serialization": little-endian, lengths of 32 bits) to a string of its own.
class FieldWriter {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { fixed(value, 2); }
  void u32(std::uint32_t value) { fixed(value, 4); }
  void u64(std::uint64_t value) { fixed(value, 8); }
  void raw(BytesView bytes) { bytes_.append(as_text(bytes)); }
  void string(std::string_view text);
  void map(const StringMap& map);

  /// Starts a record; end_record() puts its length in. Records are not nested.
  void begin_record(Opcode opcode);
  void end_record();
  /// The same for what has a length of 32 bits in front: maps and arrays.
  std::size_t begin_array();
  void end_array(std::size_t begun);

  BytesView view() const { return as_bytes(bytes_); }
  std::size_t size() const { return bytes_.size(); }
  void clear() { bytes_.clear(); }

 private:
  void fixed(std::uint64_t value, int bytes);
  void patch(std::size_t at, std::uint64_t value, int bytes);

  std::string bytes_;
  std::size_t record_begun_ = 0;
};

/// Reads fields of bytes that need not be right. After the first that does not fit all further ones
/// are empty, and ok() says so.
class FieldReader {
 public:
  explicit FieldReader(BytesView bytes) noexcept : rest_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(fixed(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
  std::uint64_t u64() { return fixed(8); }
  BytesView raw(std::uint64_t count);
  std::string_view string() { return as_text(raw(u32())); }
  StringMap map();

  BytesView rest() const noexcept { return rest_; }
  bool ok() const noexcept { return ok_; }

 private:
  std::uint64_t fixed(std::size_t bytes);

  BytesView rest_;
  bool ok_ = true;
};

void write_schema(FieldWriter& out, const Schema& schema);
void write_channel(FieldWriter& out, const Channel& channel);
void write_message(FieldWriter& out, const MessageHeader& header, BytesView data);
void write_metadata(FieldWriter& out, std::string_view name, const StringMap& map);

// Each reads a record's content; false when it is cut.
bool read_schema(BytesView content, Schema& schema);
bool read_channel(BytesView content, Channel& channel);
/// `data` is what follows the header.
bool read_message(BytesView content, MessageHeader& header, BytesView& data);
/// `records` are still compressed.
bool read_chunk(BytesView content, ChunkHeader& header, BytesView& records);
bool read_metadata(BytesView content, std::string& name, StringMap& map);

}  // namespace echostream::mcap
