#include "runtime/plugins/recorder/mcap/writer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/plugins/recorder/mcap/crc32.h"

namespace echostream::mcap {
namespace {

constexpr std::size_t kMostIds = std::numeric_limits<std::uint16_t>::max();

Status too_many(std::string_view what) {
  return {StatusCode::kResourceExhausted,
          "an MCAP file has room for 65,535 " + std::string(what) + " and no more"};
}

}  // namespace

Writer::Writer(ByteSink& sink, WriterOptions options)
    : sink_(sink), options_(std::move(options)), compressor_(options_.compression) {}

Status Writer::append(BytesView bytes) {
  if (!error_.is_ok()) return error_;
  error_ = sink_.append(bytes);
  if (!error_.is_ok()) return error_;
  data_crc_ = crc32(bytes, data_crc_);
  position_ += bytes.size();
  return Status::ok();
}

Status Writer::begin() {
  FieldWriter out;
  out.raw(kMagic);
  out.begin_record(Opcode::kHeader);
  out.string("");  // no profile: topics and messages are as their channels say
  out.string(options_.library);
  out.end_record();
  return append(out.view());
}

Result<std::uint16_t> Writer::add_schema(std::string name, std::string encoding, std::string data) {
  if (!error_.is_ok()) return error_;
  if (schemas_.size() >= kMostIds) return too_many("schemas");
  const auto id = static_cast<std::uint16_t>(schemas_.size() + 1);
  schemas_.push_back({id, std::move(name), std::move(encoding), std::move(data)});
  write_schema(chunk_, schemas_.back());
  return id;
}

Result<std::uint16_t> Writer::add_channel(Channel channel) {
  if (!error_.is_ok()) return error_;
  if (channels_.size() >= kMostIds) return too_many("channels");
  channel.id = static_cast<std::uint16_t>(channels_.size() + 1);
  channels_.push_back({std::move(channel), 0, {}});
  write_channel(chunk_, channels_.back().channel);
  return channels_.back().channel.id;
}

Status Writer::write(const MessageHeader& header, BytesView data) {
  if (!error_.is_ok()) return error_;
  ChannelState& channel = channels_.at(header.channel_id - 1u);
  if (channel.index.empty()) channels_in_chunk_.push_back(header.channel_id);
  channel.index.push_back({header.log_time, chunk_.size()});
  ++channel.messages;
  const std::uint64_t time = header.log_time;
  chunk_start_ = chunk_has_messages_ ? std::min(chunk_start_, time) : time;
  chunk_end_ = chunk_has_messages_ ? std::max(chunk_end_, time) : time;
  first_time_ = message_count_ > 0 ? std::min(first_time_, time) : time;
  last_time_ = message_count_ > 0 ? std::max(last_time_, time) : time;
  chunk_has_messages_ = true;
  ++message_count_;
  write_message(chunk_, header, data);
  return chunk_.size() >= options_.chunk_bytes ? flush() : Status::ok();
}

Status Writer::flush() {
  if (!error_.is_ok()) return error_;
  if (chunk_.size() == 0) return Status::ok();
  auto compressed = compressor_.compress(chunk_.view());
  if (!compressed) return error_ = compressed.error();

  ChunkIndex index;
  index.chunk = {chunk_start_, chunk_end_, chunk_.size(), crc32(chunk_.view()),
                 std::string(compression_name(options_.compression))};
  index.offset = position_;
  index.compressed_size = compressed->size();
  FieldWriter out;
  out.begin_record(Opcode::kChunk);
  out.u64(index.chunk.start_time);
  out.u64(index.chunk.end_time);
  out.u64(index.chunk.uncompressed_size);
  out.u32(index.chunk.uncompressed_crc);
  out.string(index.chunk.compression);
  out.u64(compressed->size());
  out.raw(*compressed);
  out.end_record();
  index.length = out.size();
  write_message_indexes(out, index);
  // In one piece: a chunk that is there has its indexes, but for the last one of a file that was
  // cut.
  Status written = append(out.view());
  if (!written.is_ok()) return written;
  index_bytes_ += sizeof index + index.index_offsets.size() * sizeof index.index_offsets[0];
  chunks_.push_back(std::move(index));
  chunk_.clear();
  chunk_start_ = chunk_end_ = 0;
  chunk_has_messages_ = false;
  flushed_messages_ = message_count_;
  return Status::ok();
}

void Writer::write_message_indexes(FieldWriter& out, ChunkIndex& index) {
  const std::size_t begun = out.size();
  for (const std::uint16_t id : channels_in_chunk_) {
    ChannelState& channel = channels_[id - 1u];
    index.index_offsets.emplace_back(id, position_ + out.size());
    out.begin_record(Opcode::kMessageIndex);
    out.u16(id);
    const std::size_t array = out.begin_array();
    for (const IndexEntry& entry : channel.index) {
      out.u64(entry.log_time);
      out.u64(entry.offset);
    }
    out.end_array(array);
    out.end_record();
    channel.index.clear();
  }
  channels_in_chunk_.clear();
  index.index_length = out.size() - begun;
}

Status Writer::add_metadata(std::string name, const StringMap& map) {
  FieldWriter out;
  write_metadata(out, name, map);
  const std::uint64_t offset = position_;
  Status written = append(out.view());
  if (!written.is_ok()) return written;
  index_bytes_ += sizeof(MetadataIndex) + name.size();
  metadata_.push_back({std::move(name), offset, out.size()});
  return written;
}

Status Writer::finish() {
  if (Status flushed = flush(); !flushed.is_ok()) return flushed;
  FieldWriter out;
  out.begin_record(Opcode::kDataEnd);
  out.u32(data_crc_);
  out.end_record();
  if (Status ended = append(out.view()); !ended.is_ok()) return ended;
  out.clear();
  write_summary(out);
  Status written = append(out.view());
  if (written.is_ok()) error_ = Status(StatusCode::kFailedPrecondition, "the file is finished");
  return written;
}

// "Summary Section": records grouped by opcode, then where each group is, then the footer.
void Writer::write_summary(FieldWriter& out) const {
  FieldWriter offsets;
  const auto group = [&](Opcode opcode, const auto& write_records) {
    const std::size_t begun = out.size();
    write_records();
    if (out.size() == begun) return;
    offsets.begin_record(Opcode::kSummaryOffset);
    offsets.u8(static_cast<std::uint8_t>(opcode));
    offsets.u64(position_ + begun);
    offsets.u64(out.size() - begun);
    offsets.end_record();
  };
  group(Opcode::kSchema, [&] {
    for (const Schema& schema : schemas_) write_schema(out, schema);
  });
  group(Opcode::kChannel, [&] {
    for (const ChannelState& state : channels_) write_channel(out, state.channel);
  });
  group(Opcode::kStatistics, [&] { write_statistics(out); });
  group(Opcode::kChunkIndex, [&] {
    for (const ChunkIndex& index : chunks_) write_chunk_index(out, index);
  });
  group(Opcode::kMetadataIndex, [&] {
    for (const MetadataIndex& index : metadata_) {
      out.begin_record(Opcode::kMetadataIndex);
      out.u64(index.offset);
      out.u64(index.length);
      out.string(index.name);
      out.end_record();
    }
  });
  const std::uint64_t offsets_start = position_ + out.size();
  out.raw(offsets.view());
  out.u8(static_cast<std::uint8_t>(Opcode::kFooter));
  out.u64(kFooterBytes);  // part of what the CRC covers
  out.u64(position_);
  out.u64(offsets_start);
  out.u32(crc32(out.view()));
  out.raw(kMagic);
}

void Writer::write_chunk_index(FieldWriter& out, const ChunkIndex& index) const {
  out.begin_record(Opcode::kChunkIndex);
  out.u64(index.chunk.start_time);
  out.u64(index.chunk.end_time);
  out.u64(index.offset);
  out.u64(index.length);
  const std::size_t array = out.begin_array();
  for (const auto& [id, offset] : index.index_offsets) {
    out.u16(id);
    out.u64(offset);
  }
  out.end_array(array);
  out.u64(index.index_length);
  out.string(index.chunk.compression);
  out.u64(index.compressed_size);
  out.u64(index.chunk.uncompressed_size);
  out.end_record();
}

void Writer::write_statistics(FieldWriter& out) const {
  out.begin_record(Opcode::kStatistics);
  out.u64(message_count_);
  out.u16(static_cast<std::uint16_t>(schemas_.size()));
  out.u32(static_cast<std::uint32_t>(channels_.size()));
  out.u32(0);  // attachments
  out.u32(static_cast<std::uint32_t>(metadata_.size()));
  out.u32(static_cast<std::uint32_t>(chunks_.size()));
  out.u64(first_time_);
  out.u64(last_time_);
  const std::size_t array = out.begin_array();
  for (const ChannelState& state : channels_) {
    out.u16(state.channel.id);
    out.u64(state.messages);
  }
  out.end_array(array);
  out.end_record();
}

}  // namespace echostream::mcap
