// What a caller can choose for one call, and a sender for one frame.
#pragma once

#include <optional>
#include <utility>

#include "echostream/base/task.h"
#include "echostream/base/time.h"
#include "echostream/metadata.h"

namespace echostream {

class CallOptions;
struct MethodInfo;

namespace internal {
class CallerChain;
LocalTime deadline_of(const MethodInfo& method, const CallOptions& options,
                      const TaskContext& context, LocalTime now);
}  // namespace internal

/// Chained setters: `CallOptions().timeout(200ms).metadata("room", "blue")`.
class CallOptions {
 public:
  CallOptions() {}
  CallOptions(const CallOptions&) = default;
  CallOptions(CallOptions&&) noexcept = default;
  /// By value, so that nothing is lost in `options = std::move(options).timeout(200ms)`.
  CallOptions& operator=(CallOptions other) noexcept {
    timeout_ = other.timeout_;
    deadline_ = other.deadline_;
    metadata_ = std::move(other.metadata_);
    response_metadata_ = other.response_metadata_;
    fail_fast_ = other.fail_fast_;
    return *this;
  }

  /// Ends the call with DEADLINE_EXCEEDED after that long. Without one the deadline of the .proto
  /// holds; a call made inside a handler never outlives the call it serves.
  CallOptions&& timeout(Duration timeout) && {
    timeout_ = timeout;
    return std::move(*this);
  }
  CallOptions&& metadata(std::string key, std::string value) && {
    metadata_.add(std::move(key), std::move(value));
    return std::move(*this);
  }
  CallOptions&& metadata(Metadata metadata) && {
    metadata_ = std::move(metadata);
    return std::move(*this);
  }
  /// Where to put the responder's metadata (rpc only). Must outlive the call.
  CallOptions&& response_metadata(Metadata* where) && {
    response_metadata_ = where;
    return std::move(*this);
  }

  /// For calls of a persistent session, in place of ReconnectOptions::fail_fast. Others never wait
  /// for a session.
  CallOptions&& fail_fast(bool fail_fast = true) && {
    fail_fast_ = fail_fast;
    return std::move(*this);
  }

  const std::optional<Duration>& timeout() const { return timeout_; }
  const Metadata& metadata() const { return metadata_; }
  Metadata* response_metadata() const { return response_metadata_; }
  const std::optional<bool>& fail_fast() const { return fail_fast_; }

 private:
  friend class internal::CallerChain;
  friend LocalTime internal::deadline_of(const MethodInfo&, const CallOptions&,
                                         const internal::TaskContext&, LocalTime);
  std::optional<Duration> timeout_;
  // In place of the timeout: what layers of middleware have made of it.
  std::optional<LocalTime> deadline_;
  Metadata metadata_;
  Metadata* response_metadata_ = nullptr;
  std::optional<bool> fail_fast_;
};
static_assert(kSafeInAwait<CallOptions>);

/// `co_await out.write(frame, {.capture_time = t})`.
struct WriteOptions {
  /// When the content came to be, on this node's clock; unset = now.
  std::optional<LocalTime> capture_time;
};
static_assert(kSafeInAwait<WriteOptions>);

}  // namespace echostream
