#include "runtime/plugins/recorder/mcap/format.h"

namespace echostream::mcap {
namespace {

// Of a map that is read. Empty ones take eight bytes in a file, and eight times that in memory.
constexpr std::size_t kMostEntries = 65'536;

}  // namespace

void FieldWriter::fixed(std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
}

void FieldWriter::patch(std::size_t at, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    bytes_[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
  }
}

void FieldWriter::string(std::string_view text) {
  u32(static_cast<std::uint32_t>(text.size()));
  bytes_.append(text);
}

void FieldWriter::map(const StringMap& map) {
  const std::size_t begun = begin_array();
  for (const auto& [key, value] : map) {
    string(key);
    string(value);
  }
  end_array(begun);
}

void FieldWriter::begin_record(Opcode opcode) {
  u8(static_cast<std::uint8_t>(opcode));
  u64(0);
  record_begun_ = bytes_.size();
}

void FieldWriter::end_record() { patch(record_begun_ - 8, bytes_.size() - record_begun_, 8); }

std::size_t FieldWriter::begin_array() {
  u32(0);
  return bytes_.size();
}

void FieldWriter::end_array(std::size_t begun) { patch(begun - 4, bytes_.size() - begun, 4); }

std::uint64_t FieldReader::fixed(std::size_t bytes) {
  const BytesView field = raw(bytes);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < field.size(); ++i) value |= std::uint64_t{field[i]} << (8 * i);
  return value;
}

BytesView FieldReader::raw(std::uint64_t count) {
  if (!ok_ || count > rest_.size()) {
    ok_ = false;
    return {};
  }
  const BytesView taken = rest_.first(static_cast<std::size_t>(count));
  rest_ = rest_.subspan(static_cast<std::size_t>(count));
  return taken;
}

StringMap FieldReader::map() {
  FieldReader entries(raw(u32()));
  StringMap map;
  while (entries.ok() && !entries.rest().empty()) {
    if (map.size() == kMostEntries) {
      ok_ = false;
      return {};
    }
    std::string key(entries.string());
    map.emplace_back(std::move(key), entries.string());
  }
  ok_ = ok_ && entries.ok();
  return map;
}

void write_schema(FieldWriter& out, const Schema& schema) {
  out.begin_record(Opcode::kSchema);
  out.u16(schema.id);
  out.string(schema.name);
  out.string(schema.encoding);
  out.string(schema.data);
  out.end_record();
}

void write_channel(FieldWriter& out, const Channel& channel) {
  out.begin_record(Opcode::kChannel);
  out.u16(channel.id);
  out.u16(channel.schema_id);
  out.string(channel.topic);
  out.string(channel.message_encoding);
  out.map(channel.metadata);
  out.end_record();
}

void write_message(FieldWriter& out, const MessageHeader& header, BytesView data) {
  out.begin_record(Opcode::kMessage);
  out.u16(header.channel_id);
  out.u32(header.sequence);
  out.u64(header.log_time);
  out.u64(header.publish_time);
  out.raw(data);
  out.end_record();
}

void write_metadata(FieldWriter& out, std::string_view name, const StringMap& map) {
  out.begin_record(Opcode::kMetadata);
  out.string(name);
  out.map(map);
  out.end_record();
}

bool read_schema(BytesView content, Schema& schema) {
  FieldReader in(content);
  schema.id = in.u16();
  schema.name = in.string();
  schema.encoding = in.string();
  schema.data = in.string();
  return in.ok();
}

bool read_channel(BytesView content, Channel& channel) {
  FieldReader in(content);
  channel.id = in.u16();
  channel.schema_id = in.u16();
  channel.topic = in.string();
  channel.message_encoding = in.string();
  channel.metadata = in.map();
  return in.ok();
}

bool read_message(BytesView content, MessageHeader& header, BytesView& data) {
  FieldReader in(content);
  header.channel_id = in.u16();
  header.sequence = in.u32();
  header.log_time = in.u64();
  header.publish_time = in.u64();
  data = in.rest();
  return in.ok();
}

bool read_chunk(BytesView content, ChunkHeader& header, BytesView& records) {
  FieldReader in(content);
  header.start_time = in.u64();
  header.end_time = in.u64();
  header.uncompressed_size = in.u64();
  header.uncompressed_crc = in.u32();
  header.compression = in.string();
  records = in.raw(in.u64());
  return in.ok();
}

bool read_metadata(BytesView content, std::string& name, StringMap& map) {
  FieldReader in(content);
  name = in.string();
  map = in.map();
  return in.ok();
}

}  // namespace echostream::mcap
