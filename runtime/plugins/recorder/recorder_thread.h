// The thread that writes recordings, and the queue in front of it.
#pragma once

#include <google/protobuf/descriptor.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/plugins/recorder.h"

#include "runtime/plugins/recorder/mcap/writer.h"
#include "runtime/plugins/recorder/recording_file.h"

namespace echostream::recorder {

/// A channel before it has a number in a file.
struct Topic {
  std::string name;
  /// Null: the messages' type is not known.
  const google::protobuf::Descriptor* type = nullptr;
  mcap::StringMap metadata;
};

struct QueuedMessage {
  std::shared_ptr<const Topic> topic;
  mcap::MessageHeader header;  // its channel is the topic's
  Buffer bytes;
};
/// Tells of a session in this file and in those that follow, until it has closed: no metadata.
struct QueuedSession {
  std::uint64_t number = 0;
  std::optional<mcap::StringMap> metadata;
};
/// The time goes on: write what waits.
struct Tick {
  std::uint64_t time = 0;
};

/// push(), flush() and stats() may be called from any thread, the rest from the loop's.
class RecorderThread {
 public:
  explicit RecorderThread(const RecorderOptions& options);
  ~RecorderThread() { close(); }
  RecorderThread(const RecorderThread&) = delete;
  RecorderThread& operator=(const RecorderThread&) = delete;

  /// Opens the first file and starts the thread. `id` for the file's name.
  Status begin(WallTime now, std::uint32_t id = 0);
  /// Never waits for the disk. A message that finds the queue full is dropped, and counted.
  void push(QueuedMessage message);
  /// False when it was dropped; then there is no need to tell of its end.
  bool push(QueuedSession session);
  /// Once every RecorderOptions::flush_interval.
  void push(Tick tick);
  /// Writes what waits, and the end of the file; nothing is taken after it. Does not wait.
  void finish();
  /// finish(), and waits until the file has its end.
  void close();
  /// Waits until all that was pushed before is written.
  void flush();
  RecorderStats stats() const;

 private:
  using Entry = std::variant<QueuedMessage, QueuedSession, Tick>;

  void run();
  void handle(const QueuedMessage& message);
  void handle(const QueuedSession& session);
  void handle(const Tick& tick);
  Status write(const QueuedMessage& message);
  Result<std::uint16_t> channel_of(const std::shared_ptr<const Topic>& topic);
  Result<std::uint16_t> schema_of(const google::protobuf::Descriptor* type);
  bool must_rotate() const;
  Status begin_file();
  void rotate();
  void end_file();
  void fail(Status error);
  void publish_stats();

  const RecorderOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable flushed_;
  std::vector<Entry> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t flushes_wanted_ = 0;
  std::uint64_t flushes_done_ = 0;
  bool is_woken_ = false;
  bool is_finished_ = false;
  RecorderStats stats_;
  std::thread thread_;

  // The thread's own from here on.
  FileSet files_;
  std::unique_ptr<FileSink> file_;
  std::unique_ptr<mcap::Writer> writer_;
  /// Of the last message or tick.
  std::uint64_t now_ = 0;
  std::uint64_t file_begun_at_ = 0;
  std::uint64_t failed_at_ = 0;
  // Of stats_, what the files before this one account for.
  std::uint64_t messages_ended_ = 0;
  std::uint64_t bytes_ended_ = 0;
  std::uint64_t lost_ = 0;
  Status error_;
  std::unordered_map<std::shared_ptr<const Topic>, std::uint16_t> channels_;
  std::unordered_map<const google::protobuf::Descriptor*, std::uint16_t> schemas_;
  std::map<std::uint64_t, mcap::StringMap> sessions_;
};

}  // namespace echostream::recorder
