// Writes one MCAP file, chunk by chunk: what has been handed to the sink can be read, however the
// file ends. Knows neither files nor threads nor clocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

#include "runtime/plugins/recorder/mcap/compression.h"
#include "runtime/plugins/recorder/mcap/format.h"

namespace echostream::mcap {

/// Where a file's bytes go, one after the other.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  /// All of them or an error, after which the writer stops.
  virtual Status append(BytesView bytes) = 0;
};

struct WriterOptions {
  RecordingCompression compression = RecordingCompression::kZstd;
  /// A chunk is written when it has reached that size, before compression.
  std::size_t chunk_bytes = 1024 * 1024;
  /// Who writes, for the header.
  std::string library = "echostream";
};

/// Calls after an error do nothing and return it again.
class Writer {
 public:
  /// The sink outlives the writer.
  Writer(ByteSink& sink, WriterOptions options);

  Status begin();
  /// Ids from 1; they become part of the chunk that is being made. RESOURCE_EXHAUSTED after 65,535.
  Result<std::uint16_t> add_schema(std::string name, std::string encoding, std::string data);
  Result<std::uint16_t> add_channel(Channel channel);
  /// On a channel that was added. Writes the chunk when it is full.
  Status write(const MessageHeader& header, BytesView data);
  /// Writes what was collected, as a chunk of its own.
  Status flush();
  /// At once, outside of chunks.
  Status add_metadata(std::string name, const StringMap& map);
  /// The rest, the summary and the footer. Nothing more after it.
  Status finish();

  /// Written so far; and what waits in the chunk.
  std::uint64_t bytes_written() const { return position_; }
  std::size_t bytes_waiting() const { return chunk_.size(); }
  /// Taken so far; and those of them that the sink has, in chunks.
  std::uint64_t messages() const { return message_count_; }
  std::uint64_t messages_flushed() const { return flushed_messages_; }
  /// What grows with the file's length: its bytes in the summary, about.
  std::size_t index_bytes() const { return index_bytes_; }

 private:
  struct IndexEntry {
    std::uint64_t log_time;
    std::uint64_t offset;
  };
  struct ChannelState {
    Channel channel;
    std::uint64_t messages = 0;
    /// Of the chunk that is being made.
    std::vector<IndexEntry> index;
  };
  struct ChunkIndex {
    ChunkHeader chunk;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t compressed_size = 0;
    std::uint64_t index_length = 0;
    std::vector<std::pair<std::uint16_t, std::uint64_t>> index_offsets;
  };
  struct MetadataIndex {
    std::string name;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };

  Status append(BytesView bytes);
  void write_message_indexes(FieldWriter& out, ChunkIndex& index);
  void write_summary(FieldWriter& out) const;
  void write_chunk_index(FieldWriter& out, const ChunkIndex& index) const;
  void write_statistics(FieldWriter& out) const;

  ByteSink& sink_;
  WriterOptions options_;
  Compressor compressor_;
  Status error_;
  std::uint64_t position_ = 0;
  std::uint32_t data_crc_ = 0;

  FieldWriter chunk_;
  std::uint64_t chunk_start_ = 0;
  std::uint64_t chunk_end_ = 0;
  bool chunk_has_messages_ = false;

  std::vector<Schema> schemas_;
  std::vector<ChannelState> channels_;
  std::vector<std::uint16_t> channels_in_chunk_;
  std::vector<ChunkIndex> chunks_;
  std::vector<MetadataIndex> metadata_;
  std::uint64_t message_count_ = 0;
  std::uint64_t flushed_messages_ = 0;
  std::size_t index_bytes_ = 0;
  std::uint64_t first_time_ = 0;
  std::uint64_t last_time_ = 0;
};

}  // namespace echostream::mcap
