// Takes finished spans from the loop, and brings them to a sink on a thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "echostream/base/time.h"

#include "runtime/plugins/tracing/otlp_json.h"
#include "runtime/plugins/tracing/span.h"
#include "runtime/plugins/tracing/span_sink.h"

namespace echostream::internal {

struct ExporterOptions {
  std::size_t max_queue = 4096;
  std::size_t max_batch = 512;
  Duration interval = std::chrono::seconds(1);
  /// Between attempts, doubled each time; randomly up to a quarter less, so that many nodes do not
  /// come at once.
  Duration first_backoff = std::chrono::seconds(1);
  Duration most_backoff = std::chrono::seconds(30);
  std::uint64_t seed = 1;
};

class SpanExporter {
 public:
  SpanExporter(std::unique_ptr<SpanSink> sink, ResourceAttributes resource,
               const ExporterOptions& options);
  /// Tries once more to bring away what waits.
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // Any thread; none of these waits for the sink.
  void add(Span span);
  /// Brings away what waits now, without waiting for the interval.
  void hurry();
  bool is_idle() const;
  std::uint64_t exported() const noexcept { return exported_.load(); }
  std::uint64_t dropped() const noexcept { return dropped_.load(); }
  std::uint64_t failed() const noexcept { return failed_.load(); }

 private:
  void run();
  /// Waits for a batch; empty at the end.
  std::vector<Span> next_batch();
  void bring(const std::vector<Span>& batch);
  void wait_before_retry(unsigned attempt);

  const std::unique_ptr<SpanSink> sink_;
  const ResourceAttributes resource_;
  const ExporterOptions options_;
  std::uint64_t random_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Span> queue_;
  bool hurry_ = false;
  bool is_busy_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> exported_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::thread thread_;
};

}  // namespace echostream::internal
