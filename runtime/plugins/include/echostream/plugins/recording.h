// Reading recordings: those of the plugin "recorder", and other MCAP files.
// docs/plugins/recorder.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/time.h"

namespace echostream {

/// What the messages of one kind are: a topic, and how they are encoded.
struct RecordedChannel {
  std::uint16_t id = 0;
  /// Of this plugin: "/acme.v1.Robot/Grip/request", ".../response".
  std::string topic;
  std::string message_encoding;
  /// Full name of the message's type; "protobuf"; an encoded FileDescriptorSet. Live as long as the
  /// reader: channels share their schemas.
  std::string_view schema_name;
  std::string_view schema_encoding;
  std::string_view schema;
  std::vector<std::pair<std::string, std::string>> metadata;

  /// Empty when there is none.
  std::string_view metadata_value(std::string_view key) const;
};

struct RecordedMessage {
  /// Lives as long as the reader.
  const RecordedChannel* channel = nullptr;
  std::uint32_t sequence = 0;
  /// When the recorder got it, and when it came to be.
  WallTime log_time{};
  WallTime publish_time{};
  /// Valid until the next call of next().
  BytesView data;
};

/// A metadata record of the file: "echostream.session" tells of a session.
struct RecordedMetadata {
  std::string name;
  std::vector<std::pair<std::string, std::string>> entries;
};

/// What is missing from a file, as far as the rest tells.
struct RecordingDamage {
  /// The file has an end: its writer finished it.
  bool is_finished = false;
  /// Behind the last whole record. The place is where they begin.
  std::uint64_t bytes_lost_at_end = 0;
  std::uint64_t end_offset = 0;
  /// Chunks in the middle that are damaged, and their bytes.
  std::uint64_t chunks_lost = 0;
  std::uint64_t chunk_bytes_lost = 0;
  /// Messages of channels that are not known, because they were in a chunk that is lost; and
  /// records that make no sense.
  std::uint64_t records_lost = 0;
  /// Why, of the first; empty when nothing is missing.
  std::string reason;

  bool is_complete() const { return is_finished && reason.empty(); }
};

class RecordingOptions {
 public:
  RecordingOptions() {}
  /// A chunk that says it is larger, or a record outside of chunks, counts as damaged.
  std::size_t max_chunk_bytes = 256 * 1024 * 1024;
};

/// Reads a file from its beginning to its end, in the order in which it was written. Files that
/// were cut, or are damaged, are read as far as they go. Holds one chunk. Files only: nothing here
/// is of a loop.
class RecordingReader {
 public:
  /// NOT_FOUND or UNAVAILABLE (the system's reason), INVALID_ARGUMENT when it is no MCAP file.
  static Result<RecordingReader> open(const std::string& path, RecordingOptions options = {});
  /// The bytes of a file.
  static Result<RecordingReader> from_bytes(Buffer bytes, RecordingOptions options = {});
  ~RecordingReader();
  RecordingReader(RecordingReader&&) noexcept;
  RecordingReader& operator=(RecordingReader&&) noexcept;

  /// Nothing at the end of what can be read; damage() then says what could not.
  std::optional<RecordedMessage> next();
  const RecordingDamage& damage() const;
  /// Who wrote it, by its own words.
  const std::string& library() const;
  /// What next() has come by so far.
  const std::vector<RecordedMetadata>& metadata() const;
  std::vector<const RecordedChannel*> channels() const;

 private:
  struct Impl;
  explicit RecordingReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Messages of recordings as JSON, by the descriptors in the file.
class RecordingPrinter {
 public:
  RecordingPrinter();
  ~RecordingPrinter();
  RecordingPrinter(const RecordingPrinter&) = delete;
  RecordingPrinter& operator=(const RecordingPrinter&) = delete;

  /// On one line. INVALID_ARGUMENT when the channel has no protobuf schema that can be used, or the
  /// bytes do not fit it.
  Result<std::string> to_json(const RecordedChannel& channel, BytesView data);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream
