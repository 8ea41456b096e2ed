#include "runtime/config/settings/recorder_settings.h"

#include <limits>
#include <utility>

#include "echostream/plugins/recorder.h"

namespace echostream {
namespace {

Result<RecordingCompression> compression_from(int compression) {
  switch (compression) {
    case config::RecorderSettings::ZSTD:
      return RecordingCompression::kZstd;
    case config::RecorderSettings::LZ4:
      return RecordingCompression::kLz4;
    case config::RecorderSettings::NONE:
      return RecordingCompression::kNone;
    default:  // proto3 keeps numbers that have no name
      return Status(StatusCode::kInvalidArgument, "compression: ZSTD, LZ4 or NONE");
  }
}

Status read_duration(const char* field, std::int64_t milliseconds, Duration& duration) {
  constexpr std::int64_t kMost = std::numeric_limits<Duration::rep>::max() / 1'000'000;
  if (milliseconds < 0 || milliseconds > kMost) {
    return {StatusCode::kInvalidArgument,
            std::string(field) + ": 0 to " + std::to_string(kMost) + " milliseconds"};
  }
  duration = std::chrono::milliseconds(milliseconds);
  return Status::ok();
}

Status read_durations(const config::RecorderSettings& settings, RecorderOptions& options) {
  Status read;
  if (settings.has_flush_interval_ms()) {
    read = read_duration("flush_interval_ms", settings.flush_interval_ms(), options.flush_interval);
  }
  if (read.is_ok() && settings.has_max_file_duration_ms()) {
    read = read_duration("max_file_duration_ms", settings.max_file_duration_ms(),
                         options.max_file_duration);
  }
  if (read.is_ok() && settings.has_clock_interval_ms()) {
    read = read_duration("clock_interval_ms", settings.clock_interval_ms(), options.clock_interval);
  }
  return read;
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::RecorderSettings& settings) {
  if (settings.path().empty()) {
    return Status(StatusCode::kInvalidArgument, "path: the name of the file, \"drive.mcap\"");
  }
  RecorderOptions options(settings.path());
  options.overwrite = settings.overwrite();
  auto compression = compression_from(settings.compression());
  if (!compression) return compression.error();
  options.compression = *compression;
  if (settings.methods_size() > 0) {
    options.methods.assign(settings.methods().begin(), settings.methods().end());
  }
  options.except.assign(settings.except().begin(), settings.except().end());
  options.metadata_keys.assign(settings.metadata_keys().begin(), settings.metadata_keys().end());
  if (settings.has_chunk_bytes()) options.chunk_bytes = settings.chunk_bytes();
  if (settings.has_max_queue_bytes()) options.max_queue_bytes = settings.max_queue_bytes();
  if (settings.has_max_file_bytes()) options.max_file_bytes = settings.max_file_bytes();
  if (settings.has_max_total_bytes()) options.max_total_bytes = settings.max_total_bytes();
  if (Status read = read_durations(settings, options); !read.is_ok()) return read;
  auto plugin = make_recorder_plugin(std::move(options));
  if (!plugin) return plugin.error();
  return std::shared_ptr<Plugin>(*std::move(plugin));
}

}  // namespace echostream
