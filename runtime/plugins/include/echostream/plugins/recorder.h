// The plugin "recorder": writes the messages of a node's sessions, with their times and
// descriptors, to an MCAP file that Foxglove's tools open. docs/plugins/recorder.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/node.h"
#include "echostream/plugin.h"

namespace echostream {

/// Of the chunks of a recording.
enum class RecordingCompression : std::uint8_t { kNone, kLz4, kZstd };

class RecorderOptions {
 public:
  RecorderOptions() {}
  explicit RecorderOptions(std::string file) : path(std::move(file)) {}

  /// The file: "drive.mcap". "{time}" in it becomes the time of day in UTC, 20260131T235959Z;
  /// "{id}" eight random digits, for nodes that start at once.
  /// The next ones of a recording that is split are "drive-2.mcap", "drive-3.mcap", ...
  std::string path;
  /// Off: a recording that is there already is an error.
  bool overwrite = false;
  RecordingCompression compression = RecordingCompression::kZstd;

  /// Full names of methods, "acme.v1.Robot/Grip"; '*' stands for any characters. Recorded is what
  /// fits one of `methods` and none of `except`.
  std::vector<std::string> methods = {"*"};
  std::vector<std::string> except;
  /// Metadata of requests is not recorded, for it holds tokens; but for these keys.
  std::vector<std::string> metadata_keys;

  /// What is lost at most when the program or the machine dies: that many bytes before
  /// compression, or that much time.
  std::size_t chunk_bytes = 1024 * 1024;
  Duration flush_interval = std::chrono::seconds(1);
  /// Messages that wait to be written. A disk that is too slow for them makes the recorder drop
  /// messages and say so; calls never wait for it.
  std::size_t max_queue_bytes = 16 * 1024 * 1024;

  /// A file that is larger, or (not zero) has gone on for longer, is followed by another one.
  std::uint64_t max_file_bytes = 1024 * 1024 * 1024;
  Duration max_file_duration{};
  /// All files of this recording together: the oldest are deleted. 0: no limit.
  std::uint64_t max_total_bytes = std::uint64_t{16} * 1024 * 1024 * 1024;

  /// How often what is known of each peer's clock is recorded; zero: never.
  Duration clock_interval = std::chrono::seconds(1);
};
static_assert(kSafeInAwait<RecorderOptions>);

struct RecorderStats {
  /// Handed to the system, in chunks that are whole.
  std::uint64_t messages_written = 0;
  std::uint64_t bytes_written = 0;
  /// Because the queue was full, or no file could be written.
  std::uint64_t messages_dropped = 0;
  /// Files that were begun, and those of them that were deleted (RecorderOptions::max_total_bytes).
  std::uint64_t files = 0;
  std::uint64_t files_deleted = 0;
  /// OK while the recorder can write.
  Status error;
};

/// Records one node's sessions, from its start to its shutdown; destroying it waits until all is
/// written. The writing is done by a thread of its own.
class RecorderPlugin : public Plugin {
 public:
  /// From any thread.
  virtual RecorderStats stats() const = 0;
  /// Waits, without the loop, until what was recorded before is in the file. For tests, and before
  /// a program copies a file that still grows. From any thread.
  virtual void flush() = 0;
};

/// INVALID_ARGUMENT names the option that cannot be used. The file is opened when the node starts:
/// ALREADY_EXISTS, or UNAVAILABLE with the system's reason, is what Node::start() then returns.
Result<std::shared_ptr<RecorderPlugin>> make_recorder_plugin(RecorderOptions options);

}  // namespace echostream
