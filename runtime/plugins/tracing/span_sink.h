// Where batches of spans go.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

namespace echostream::internal {

/// Called by the exporter's thread alone; may wait.
class SpanSink {
 public:
  enum class Outcome { kDone, kTryAgain, kGiveUp };
  virtual ~SpanSink() = default;
  /// One request. When `stopping` becomes true it should end within a second.
  virtual Outcome send(const std::string& request, const std::atomic<bool>& stopping) = 0;
};

/// Appends a line for each request. UNAVAILABLE when the file cannot be opened.
Result<std::unique_ptr<SpanSink>> make_file_sink(const std::string& path, std::uint64_t max_bytes);
/// POSTs each request. INVALID_ARGUMENT for what is no "http://host:port/path".
Result<std::unique_ptr<SpanSink>> make_collector_sink(const std::string& url, Duration timeout);

/// "http://host:port/path" taken apart; port 4318 and path /v1/traces are what it has when they are
/// left out.
struct CollectorUrl {
  std::string host;
  std::string port;
  std::string path;
  /// As it was written, for the Host field.
  std::string authority;
};
Result<CollectorUrl> parse_collector_url(const std::string& url);

}  // namespace echostream::internal
