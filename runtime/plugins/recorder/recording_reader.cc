#include <map>
#include <utility>

#include "echostream/plugins/recording.h"

#include "runtime/plugins/recorder/mcap/compression.h"
#include "runtime/plugins/recorder/mcap/crc32.h"
#include "runtime/plugins/recorder/mcap/format.h"
#include "runtime/plugins/recorder/mcap/record_source.h"

namespace echostream {
namespace {

using mcap::FieldReader;
using mcap::Opcode;
using mcap::RecordSource;

// What a file says of itself is kept: schemas, channels and metadata. A few bytes of a compressed
// chunk must not make us hold any number of them.
constexpr std::size_t kMostKeptBytes = 256 * 1024 * 1024;
constexpr std::size_t kEntryBytes = 128;

std::size_t size_of(const mcap::StringMap& map) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : map) bytes += key.size() + value.size() + kEntryBytes;
  return bytes;
}

bool is_wanted(Opcode opcode) {
  switch (opcode) {
    case Opcode::kHeader:
    case Opcode::kSchema:
    case Opcode::kChannel:
    case Opcode::kMessage:
    case Opcode::kChunk:
    case Opcode::kMetadata:
    case Opcode::kDataEnd:
      return true;
    case Opcode::kFooter:
    case Opcode::kMessageIndex:
    case Opcode::kChunkIndex:
    case Opcode::kAttachment:
    case Opcode::kAttachmentIndex:
    case Opcode::kStatistics:
    case Opcode::kMetadataIndex:
    case Opcode::kSummaryOffset:
      return false;
  }
  return false;
}

WallTime wall_time(std::uint64_t nanoseconds) {
  return WallTime(Duration(static_cast<Duration::rep>(nanoseconds)));
}

}  // namespace

std::string_view RecordedChannel::metadata_value(std::string_view key) const {
  for (const auto& [name, value] : metadata) {
    if (name == key) return value;
  }
  return {};
}

struct RecordingReader::Impl {
  Impl(std::unique_ptr<mcap::ByteSource> bytes, RecordingOptions how)
      : options(how), source(std::move(bytes), how.max_chunk_bytes) {}

  std::optional<RecordedMessage> next_in_chunk();
  std::optional<RecordedMessage> handle_top(const RecordSource::Record& record);
  std::optional<RecordedMessage> handle(Opcode opcode, BytesView content);
  void handle_chunk(const RecordSource::Record& record);
  void handle_data_end(BytesView content);
  Status open_chunk(BytesView content);
  void add_schema(BytesView content);
  void add_channel(BytesView content);
  void add_metadata(BytesView content);
  std::optional<RecordedMessage> make_message(BytesView content);
  bool keep(std::size_t bytes);
  void lose(std::string_view reason);
  void lose_record() {
    ++damage.records_lost;
    lose("a record makes no sense");
  }
  void end();

  RecordingOptions options;
  RecordSource source;
  std::string library;
  // These stay where they are: channels point to their schemas, messages to their channels.
  std::map<std::uint16_t, mcap::Schema> schemas;
  std::map<std::uint16_t, RecordedChannel> channels;
  std::vector<RecordedMetadata> metadata;
  std::size_t kept_bytes = 0;
  std::string chunk;
  BytesView chunk_rest;
  RecordingDamage damage;
  bool is_in_summary = false;
  bool is_over = false;
};

void RecordingReader::Impl::lose(std::string_view reason) {
  if (damage.reason.empty()) damage.reason = reason;
}

// Whether there is room for it.
bool RecordingReader::Impl::keep(std::size_t bytes) {
  if (bytes + kEntryBytes <= kMostKeptBytes - kept_bytes) {
    kept_bytes += bytes + kEntryBytes;
    return true;
  }
  ++damage.records_lost;
  lose("its schemas, channels and metadata take more than 256 MiB");
  return false;
}

// What was read up to here is all there is.
void RecordingReader::Impl::end() {
  is_over = true;
  damage.end_offset = source.position();
  damage.bytes_lost_at_end = source.size() - source.position();
  lose(source.error().message());
}

void RecordingReader::Impl::add_schema(BytesView content) {
  mcap::Schema schema;
  if (!mcap::read_schema(content, schema) || schema.id == 0) return lose_record();
  if (schemas.count(schema.id) != 0) return;
  if (!keep(schema.name.size() + schema.encoding.size() + schema.data.size())) return;
  schemas.try_emplace(schema.id, std::move(schema));
}

void RecordingReader::Impl::add_channel(BytesView content) {
  mcap::Channel read;
  if (!mcap::read_channel(content, read)) return lose_record();
  if (channels.count(read.id) != 0) return;
  if (!keep(read.topic.size() + read.message_encoding.size() + size_of(read.metadata))) return;
  RecordedChannel& channel = channels[read.id];
  channel.id = read.id;
  channel.topic = std::move(read.topic);
  channel.message_encoding = std::move(read.message_encoding);
  channel.metadata = std::move(read.metadata);
  const auto schema = schemas.find(read.schema_id);
  if (schema == schemas.end()) return;
  channel.schema_name = schema->second.name;
  channel.schema_encoding = schema->second.encoding;
  channel.schema = schema->second.data;
}

void RecordingReader::Impl::add_metadata(BytesView content) {
  RecordedMetadata read;
  if (!mcap::read_metadata(content, read.name, read.entries)) return lose_record();
  if (keep(read.name.size() + size_of(read.entries))) metadata.push_back(std::move(read));
}

std::optional<RecordedMessage> RecordingReader::Impl::make_message(BytesView content) {
  mcap::MessageHeader header;
  BytesView data;
  if (!mcap::read_message(content, header, data)) {
    lose_record();
    return std::nullopt;
  }
  const auto channel = channels.find(header.channel_id);
  if (channel == channels.end()) {
    ++damage.records_lost;
    lose("messages of a channel that the file does not describe");
    return std::nullopt;
  }
  return RecordedMessage{&channel->second, header.sequence, wall_time(header.log_time),
                         wall_time(header.publish_time), data};
}

std::optional<RecordedMessage> RecordingReader::Impl::handle(Opcode opcode, BytesView content) {
  if (opcode == Opcode::kSchema) add_schema(content);
  if (opcode == Opcode::kChannel) add_channel(content);
  if (opcode == Opcode::kMessage) return make_message(content);
  return std::nullopt;
}

Status RecordingReader::Impl::open_chunk(BytesView content) {
  mcap::ChunkHeader header;
  BytesView records;
  if (!mcap::read_chunk(content, header, records)) {
    return {StatusCode::kDataLoss, "a chunk makes no sense, or is too large"};
  }
  if (header.uncompressed_size > options.max_chunk_bytes) {
    return {StatusCode::kResourceExhausted,
            "a chunk is larger than RecordingOptions::max_chunk_bytes"};
  }
  Status opened = mcap::decompress(header.compression, records,
                                   static_cast<std::size_t>(header.uncompressed_size), chunk);
  if (!opened.is_ok()) return opened;
  if (header.uncompressed_crc != 0 && mcap::crc32(as_bytes(chunk)) != header.uncompressed_crc) {
    return {StatusCode::kDataLoss, "a chunk does not have its checksum"};
  }
  return Status::ok();
}

void RecordingReader::Impl::handle_chunk(const RecordSource::Record& record) {
  const Status opened = open_chunk(record.content);
  if (opened.is_ok()) {
    chunk_rest = as_bytes(chunk);
    return;
  }
  ++damage.chunks_lost;
  damage.chunk_bytes_lost += record.length;
  lose(opened.message());
}

// Finds what nothing else does: records that are no more what they were.
void RecordingReader::Impl::handle_data_end(BytesView content) {
  is_in_summary = true;
  FieldReader fields(content);
  const std::uint32_t crc = fields.u32();
  if (!fields.ok()) return lose_record();
  if (crc != 0 && crc != source.crc_before()) lose("the file does not have its checksum");
}

std::optional<RecordedMessage> RecordingReader::Impl::next_in_chunk() {
  while (!chunk_rest.empty()) {
    FieldReader fields(chunk_rest);
    const auto opcode = static_cast<Opcode>(fields.u8());
    const BytesView content = fields.raw(fields.u64());
    if (!fields.ok()) {
      chunk_rest = {};
      lose_record();
      break;
    }
    chunk_rest = fields.rest();
    if (auto message = handle(opcode, content)) return message;
  }
  return std::nullopt;
}

// A record of the file itself.
std::optional<RecordedMessage> RecordingReader::Impl::handle_top(
    const RecordSource::Record& record) {
  if (record.opcode == Opcode::kFooter) {
    damage.is_finished = source.is_at_closing_magic();
    if (damage.is_finished) {
      is_over = true;
    } else {
      lose("its end is damaged");
      end();
    }
    return std::nullopt;
  }
  // The summary repeats what was there.
  if (is_in_summary) return std::nullopt;
  if (record.opcode == Opcode::kHeader) {
    FieldReader fields(record.content);
    (void)fields.string();  // the profile
    library = fields.string();
  } else if (record.opcode == Opcode::kChunk) {
    handle_chunk(record);
  } else if (record.opcode == Opcode::kMetadata) {
    add_metadata(record.content);
  } else if (record.opcode == Opcode::kDataEnd) {
    handle_data_end(record.content);
  } else {
    return handle(record.opcode, record.content);
  }
  return std::nullopt;
}

RecordingReader::RecordingReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordingReader::~RecordingReader() = default;
RecordingReader::RecordingReader(RecordingReader&&) noexcept = default;
RecordingReader& RecordingReader::operator=(RecordingReader&&) noexcept = default;

Result<RecordingReader> RecordingReader::open(const std::string& path, RecordingOptions options) {
  auto source = mcap::open_file_source(path);
  if (!source) return source.error();
  auto impl = std::make_unique<Impl>(*std::move(source), options);
  if (Status magic = impl->source.check_magic(); !magic.is_ok()) return magic.with_context(path);
  return RecordingReader(std::move(impl));
}

Result<RecordingReader> RecordingReader::from_bytes(Buffer bytes, RecordingOptions options) {
  auto impl = std::make_unique<Impl>(mcap::make_memory_source(std::move(bytes)), options);
  if (Status magic = impl->source.check_magic(); !magic.is_ok()) return magic;
  return RecordingReader(std::move(impl));
}

std::optional<RecordedMessage> RecordingReader::next() {
  for (;;) {
    if (auto message = impl_->next_in_chunk()) return message;
    if (impl_->is_over) return std::nullopt;
    const auto record = impl_->source.next(is_wanted);
    if (!record) {
      impl_->end();
      return std::nullopt;
    }
    if (auto message = impl_->handle_top(*record)) return message;
  }
}

const RecordingDamage& RecordingReader::damage() const { return impl_->damage; }
const std::string& RecordingReader::library() const { return impl_->library; }
const std::vector<RecordedMetadata>& RecordingReader::metadata() const { return impl_->metadata; }
std::vector<const RecordedChannel*> RecordingReader::channels() const {
  std::vector<const RecordedChannel*> all;
  for (const auto& [id, channel] : impl_->channels) all.push_back(&channel);
  return all;
}

}  // namespace echostream
