#include "runtime/plugins/tracing/span_exporter.h"

#include <gmock/gmock.h>

#include <functional>

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;
using Outcome = SpanSink::Outcome;

// What the test lets through, and what came.
class FakeSink final : public SpanSink {
 public:
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Outcome> outcomes;  // then kDone
    std::vector<std::string> requests;
    bool holds = false;

    void wait_for_requests(std::size_t count) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return requests.size() >= count; });
    }
    void release() {
      const std::lock_guard lock(mutex);
      holds = false;
      changed.notify_all();
    }
  };
  explicit FakeSink(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  Outcome send(const std::string& request, const std::atomic<bool>&) override {
    std::unique_lock lock(shared_->mutex);
    shared_->requests.push_back(request);
    shared_->changed.notify_all();
    shared_->changed.wait(lock, [&] { return !shared_->holds; });
    if (shared_->outcomes.empty()) return Outcome::kDone;
    const Outcome outcome = shared_->outcomes.front();
    shared_->outcomes.pop_front();
    return outcome;
  }

 private:
  std::shared_ptr<Shared> shared_;
};

Span span(const std::string& name) {
  Span made;
  made.method = name;
  return made;
}

class Exporter : public ::testing::Test {
 protected:
  void make() {
    exporter_ = std::make_unique<SpanExporter>(std::make_unique<FakeSink>(shared_),
                                               ResourceAttributes{}, options_);
  }
  void finish() {
    exporter_->hurry();
    while (!exporter_->is_idle()) std::this_thread::yield();
  }
  Exporter() {
    options_.interval = 1h;
    options_.first_backoff = 1ms;
    options_.most_backoff = 2ms;
  }
  ExporterOptions options_;
  std::shared_ptr<FakeSink::Shared> shared_ = std::make_shared<FakeSink::Shared>();
  std::unique_ptr<SpanExporter> exporter_;
};

TEST_F(Exporter, SendsABatchWhenItIsFull) {
  options_.max_batch = 3;
  make();
  for (const char* name : {"a", "b", "c"}) exporter_->add(span(name));
  shared_->wait_for_requests(1);
  finish();
  ASSERT_EQ(shared_->requests.size(), 1u);
  EXPECT_THAT(shared_->requests[0], ::testing::HasSubstr("\"name\":\"c\""));
  EXPECT_EQ(exporter_->exported(), 3u);
}

TEST_F(Exporter, SendsWhatThereIsAfterTheInterval) {
  options_.interval = 1ms;
  make();
  exporter_->add(span("a"));
  shared_->wait_for_requests(1);
  finish();
  EXPECT_EQ(exporter_->exported(), 1u);
}

TEST_F(Exporter, TriesAgainUntilItIsTaken) {
  shared_->outcomes = {Outcome::kTryAgain, Outcome::kTryAgain, Outcome::kTryAgain};
  make();
  exporter_->add(span("a"));
  finish();
  EXPECT_EQ(shared_->requests.size(), 4u);
  EXPECT_EQ(exporter_->exported(), 1u);
  EXPECT_EQ(exporter_->failed(), 3u);
  EXPECT_EQ(exporter_->dropped(), 0u);
}

TEST_F(Exporter, GivesUpABatchThatIsRefusedForGood) {
  shared_->outcomes = {Outcome::kGiveUp};
  make();
  exporter_->add(span("a"));
  finish();
  exporter_->add(span("b"));
  finish();
  EXPECT_EQ(exporter_->exported(), 1u);
  EXPECT_EQ(exporter_->dropped(), 1u);
}

TEST_F(Exporter, L06_NeverHoldsMoreThanItsQueueAndNeverWaits) {
  options_.max_queue = 10;
  options_.max_batch = 4;
  shared_->holds = true;
  make();
  for (int i = 0; i < 4; ++i) exporter_->add(span("first"));
  shared_->wait_for_requests(1);
  for (int i = 0; i < 1000; ++i) exporter_->add(span("more"));
  EXPECT_EQ(exporter_->dropped(), 990u);
  shared_->release();
  finish();
  EXPECT_EQ(exporter_->exported(), 14u);
}

TEST_F(Exporter, BringsTheRestAwayAtTheEnd) {
  make();
  exporter_->add(span("a"));
  exporter_.reset();
  EXPECT_EQ(shared_->requests.size(), 1u);
}

TEST_F(Exporter, EndsWhenNobodyTakesTheRest) {
  options_.max_batch = 1;
  options_.first_backoff = 1h;
  options_.most_backoff = 1h;
  for (int i = 0; i < 100; ++i) shared_->outcomes.push_back(Outcome::kTryAgain);
  make();
  for (int i = 0; i < 5; ++i) exporter_->add(span("a"));
  shared_->wait_for_requests(1);
  exporter_.reset();
  EXPECT_LE(shared_->requests.size(), 2u);
}

}  // namespace
}  // namespace echostream::internal
