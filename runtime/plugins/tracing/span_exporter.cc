#include "runtime/plugins/tracing/span_exporter.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace echostream::internal {

SpanExporter::SpanExporter(std::unique_ptr<SpanSink> sink, ResourceAttributes resource,
                           const ExporterOptions& options)
    : sink_(std::move(sink)),
      resource_(std::move(resource)),
      options_(options),
      random_(options.seed | 1),
      thread_([this] { run(); }) {}

SpanExporter::~SpanExporter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void SpanExporter::add(Span span) {
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.max_queue) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_.push_back(std::move(span));
    wakes = queue_.size() == 1 || queue_.size() == options_.max_batch;
  }
  if (wakes) wake_.notify_all();
}

void SpanExporter::hurry() {
  {
    const std::lock_guard lock(mutex_);
    hurry_ = true;
  }
  wake_.notify_all();
}

bool SpanExporter::is_idle() const {
  const std::lock_guard lock(mutex_);
  return queue_.empty() && !is_busy_;
}

void SpanExporter::run() {
  while (true) {
    const std::vector<Span> batch = next_batch();
    if (batch.empty()) return;
    bring(batch);
  }
}

std::vector<Span> SpanExporter::next_batch() {
  std::unique_lock lock(mutex_);
  is_busy_ = false;
  hurry_ = hurry_ && !queue_.empty();
  wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  wake_.wait_for(lock, options_.interval,
                 [this] { return stopping_ || hurry_ || queue_.size() >= options_.max_batch; });
  const std::size_t count = std::min(queue_.size(), options_.max_batch);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Span> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  is_busy_ = !batch.empty();
  return batch;
}

void SpanExporter::bring(const std::vector<Span>& batch) {
  const std::string request = to_otlp_json(batch, resource_);
  for (unsigned attempt = 0;; ++attempt) {
    const SpanSink::Outcome outcome = sink_->send(request, stopping_);
    if (outcome == SpanSink::Outcome::kDone) {
      exported_.fetch_add(batch.size());
      return;
    }
    failed_.fetch_add(1);
    if (outcome == SpanSink::Outcome::kGiveUp) break;
    if (stopping_) {
      // Nobody takes them: the rest would only hold up the end of the program.
      const std::lock_guard lock(mutex_);
      dropped_.fetch_add(queue_.size());
      queue_.clear();
      break;
    }
    wait_before_retry(attempt);
  }
  dropped_.fetch_add(batch.size());
}

void SpanExporter::wait_before_retry(unsigned attempt) {
  Duration pause = options_.first_backoff * (1 << std::min(attempt, 16u));
  pause = std::min(pause, options_.most_backoff);
  random_ = random_ * 6364136223846793005u + 1442695040888963407u;
  pause -= pause / 1024 * static_cast<Duration::rep>((random_ >> 33) % 256);
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, pause, [this] { return stopping_.load(); });
}

}  // namespace echostream::internal
