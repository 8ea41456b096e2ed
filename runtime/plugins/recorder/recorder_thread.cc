#include "runtime/plugins/recorder/recorder_thread.h"

#include <system_error>
#include <utility>

#include "runtime/plugins/recorder/descriptors.h"

namespace echostream::recorder {
namespace {

// What a queued message costs beside its bytes, about.
constexpr std::size_t kEntryBytes = 128;
// After the disk was full: how often it is tried again.
constexpr std::uint64_t kRetryNanoseconds = 10'000'000'000;
// A summary of that size is worth a new file.
constexpr std::size_t kMostIndexBytes = 16 * 1024 * 1024;

std::uint64_t nanoseconds(Duration duration) {
  return static_cast<std::uint64_t>(duration.count());
}

mcap::WriterOptions writer_options(const RecorderOptions& options) {
  mcap::WriterOptions writer;
  writer.compression = options.compression;
  writer.chunk_bytes = options.chunk_bytes;
  writer.library = "echostream recorder 1";
  return writer;
}

}  // namespace

RecorderThread::RecorderThread(const RecorderOptions& options)
    : options_(options), files_(FileSetOptions{}) {}

void RecorderThread::close() {
  finish();
  if (thread_.joinable()) thread_.join();
}

Status RecorderThread::begin(WallTime now, std::uint32_t id) {
  files_ = FileSet({path_at(options_.path, now, id), options_.overwrite, options_.max_total_bytes,
                    options_.max_file_bytes});
  now_ = nanoseconds(now.time_since_epoch());
  if (Status begun = begin_file(); !begun.is_ok()) return begun;
  publish_stats();
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return {StatusCode::kUnavailable, std::string("no thread: ") + error.what()};
  }
  return Status::ok();
}

void RecorderThread::push(QueuedMessage message) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::size_t bytes = message.bytes.size() + kEntryBytes;
  if (is_finished_ || queued_bytes_ + bytes > options_.max_queue_bytes) {
    ++stats_.messages_dropped;
    return;
  }
  queued_bytes_ += bytes;
  queue_.emplace_back(std::move(message));
  // Otherwise the next tick is soon enough: waking a thread costs more than all the rest here.
  if (queued_bytes_ < options_.chunk_bytes || is_woken_) return;
  is_woken_ = true;
  wake_.notify_one();
}

bool RecorderThread::push(QueuedSession session) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // An end is always taken: there are no more of them than beginnings.
  const std::size_t bytes = session.metadata ? 8 * kEntryBytes : 0;
  if (is_finished_ || queued_bytes_ + bytes > options_.max_queue_bytes) return false;
  queued_bytes_ += bytes;
  queue_.emplace_back(std::move(session));
  return true;
}

void RecorderThread::push(Tick tick) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (is_finished_) return;
  // A thread that hangs in the disk gets no queue of ticks: the last one says all.
  if (!queue_.empty() && std::holds_alternative<Tick>(queue_.back())) queue_.pop_back();
  queue_.emplace_back(tick);
  is_woken_ = true;
  wake_.notify_one();
}

void RecorderThread::finish() {
  const std::lock_guard<std::mutex> lock(mutex_);
  is_finished_ = true;
  wake_.notify_one();
}

void RecorderThread::flush() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!thread_.joinable()) return;
  const std::uint64_t wanted = ++flushes_wanted_;
  wake_.notify_one();
  flushed_.wait(lock, [&] { return flushes_done_ >= wanted; });
}

RecorderStats RecorderThread::stats() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

void RecorderThread::run() {
  std::vector<Entry> batch;
  for (;;) {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [&] { return is_woken_ || is_finished_ || flushes_wanted_ > flushes_done_; });
    is_woken_ = false;
    const bool is_last = is_finished_;
    const std::uint64_t flushes = flushes_wanted_;
    batch.swap(queue_);
    queued_bytes_ = 0;
    lock.unlock();

    for (const Entry& entry : batch) {
      std::visit([this](const auto& value) { handle(value); }, entry);
    }
    batch.clear();
    if (flushes > flushes_done_ && writer_) {
      if (Status flushed = writer_->flush(); !flushed.is_ok()) fail(flushed);
    }
    if (is_last && writer_) end_file();
    publish_stats();

    lock.lock();
    flushes_done_ = is_last ? UINT64_MAX : flushes;
    flushed_.notify_all();
    if (is_last) return;
  }
}

void RecorderThread::handle(const QueuedMessage& message) {
  now_ = message.header.log_time;
  if (writer_ && must_rotate()) rotate();
  if (!writer_) {
    ++lost_;
    return;
  }
  Status written = write(message);
  if (written.code() == StatusCode::kResourceExhausted) {  // no number left for a channel
    rotate();
    if (writer_) written = write(message);
  }
  if (!written.is_ok()) fail(written);
}

Status RecorderThread::write(const QueuedMessage& message) {
  auto channel = channel_of(message.topic);
  if (!channel) return channel.error();
  mcap::MessageHeader header = message.header;
  header.channel_id = *channel;
  return writer_->write(header, message.bytes);
}

void RecorderThread::handle(const QueuedSession& session) {
  if (!session.metadata) {
    sessions_.erase(session.number);
    return;
  }
  sessions_[session.number] = *session.metadata;
  if (!writer_) return;
  Status written = writer_->add_metadata("echostream.session", *session.metadata);
  if (!written.is_ok()) fail(written);
}

void RecorderThread::handle(const Tick& tick) {
  now_ = tick.time;
  if (!writer_) {
    if (now_ < failed_at_ + kRetryNanoseconds) return;
    if (Status begun = begin_file(); !begun.is_ok()) return fail(begun);
    error_ = Status::ok();
  }
  Status written = writer_->flush();
  if (written.is_ok()) written = file_->sync();
  if (!written.is_ok()) return fail(written);
  if (writer_->messages() > 0 && must_rotate()) rotate();
}

Result<std::uint16_t> RecorderThread::channel_of(const std::shared_ptr<const Topic>& topic) {
  const auto known = channels_.find(topic);
  if (known != channels_.end()) return known->second;
  auto schema = schema_of(topic->type);
  if (!schema) return schema.error();
  auto id = writer_->add_channel({0, *schema, topic->name, "protobuf", topic->metadata});
  if (id) channels_.emplace(topic, *id);
  return id;
}

Result<std::uint16_t> RecorderThread::schema_of(const google::protobuf::Descriptor* type) {
  if (type == nullptr) return std::uint16_t{0};
  const auto known = schemas_.find(type);
  if (known != schemas_.end()) return known->second;
  auto id = writer_->add_schema(type->full_name(), "protobuf", make_descriptor_set(*type));
  if (id) schemas_.emplace(type, *id);
  return id;
}

bool RecorderThread::must_rotate() const {
  if (writer_->bytes_written() + writer_->bytes_waiting() >= options_.max_file_bytes) return true;
  if (writer_->index_bytes() >= kMostIndexBytes) return true;
  const std::uint64_t most = nanoseconds(options_.max_file_duration);
  return most > 0 && now_ >= file_begun_at_ + most;
}

void RecorderThread::rotate() {
  end_file();
  if (Status begun = begin_file(); !begun.is_ok()) fail(begun);
}

Status RecorderThread::begin_file() {
  auto file = files_.begin_next();
  if (!file) return file.error();
  file_ = *std::move(file);
  writer_ = std::make_unique<mcap::Writer>(*file_, writer_options(options_));
  file_begun_at_ = now_;
  Status begun = writer_->begin();
  for (const auto& [number, metadata] : sessions_) {
    if (begun.is_ok()) begun = writer_->add_metadata("echostream.session", metadata);
  }
  return begun;
}

void RecorderThread::end_file() {
  const Status ended = writer_->finish();
  if (!ended.is_ok()) return fail(ended);
  messages_ended_ += writer_->messages_flushed();
  bytes_ended_ += writer_->bytes_written();
  files_.end(*file_, writer_->bytes_written(), false);
  channels_.clear();
  schemas_.clear();
  writer_.reset();
  file_.reset();
}

// What is in the file can be read; what was to come next is lost, until there is room again.
void RecorderThread::fail(Status error) {
  error_ = std::move(error);
  failed_at_ = now_;
  if (!writer_) return;
  messages_ended_ += writer_->messages_flushed();
  bytes_ended_ += writer_->bytes_written();
  lost_ += writer_->messages() - writer_->messages_flushed();
  files_.end(*file_, writer_->bytes_written(), writer_->messages_flushed() == 0);
  channels_.clear();
  schemas_.clear();
  writer_.reset();
  file_.reset();
}

void RecorderThread::publish_stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stats_.messages_dropped += std::exchange(lost_, 0);
  stats_.messages_written = messages_ended_ + (writer_ ? writer_->messages_flushed() : 0);
  stats_.bytes_written = bytes_ended_ + (writer_ ? writer_->bytes_written() : 0);
  stats_.files = files_.begun();
  stats_.files_deleted = files_.deleted();
  stats_.error = error_;
}

}  // namespace echostream::recorder
