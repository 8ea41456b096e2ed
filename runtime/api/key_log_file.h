// The secrets of a node's sessions, in a file that Wireshark reads.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "echostream/base/unique_function.h"

#include "runtime/api/trace_file.h"
#include "runtime/transport/trace_sinks.h"

namespace echostream::internal {

class KeyLogFile final : public transport::KeyLogSink {
 public:
  /// Gets the first error of writing, on the thread of the session that it happened to.
  using Report = UniqueFunction<void(const Status&)>;

  static Result<std::shared_ptr<KeyLogFile>> open(const std::string& path, Report report);

  /// A line that cannot be written is left out; sessions go on.
  void on_key_log(std::string_view line) override;

 private:
  KeyLogFile(TraceFile file, Report report) : file_(std::move(file)), report_(std::move(report)) {}

  const TraceFile file_;
  Report report_;
  std::atomic<bool> has_failed_ = false;
  // The last line may be cut off.
  std::atomic<bool> is_spoilt_ = false;
};

}  // namespace echostream::internal
