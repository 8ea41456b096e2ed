// What the metrics are counted in: plain numbers that one thread, the loop's, writes and any may
// read.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "echostream/base/status.h"
#include "echostream/base/time.h"
#include "echostream/clock.h"
#include "echostream/method.h"
#include "echostream/middleware.h"
#include "echostream/node_stats.h"

namespace echostream::internal {

/// A number with one writer, so that counting needs no locked instruction.
class Count {
 public:
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down.
class Level {
 public:
  void add(std::int64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::int64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Durations by size. The last bucket has no upper bound.
class DurationHistogram {
 public:
  /// `bounds` rise, and outlive the histogram.
  explicit DurationHistogram(const std::vector<Duration>& bounds);
  void observe(Duration value) noexcept;
  void merge(const DurationHistogram& other) noexcept;

  const std::vector<Duration>& bounds() const noexcept { return *bounds_; }
  std::uint64_t count(std::size_t bucket) const noexcept { return counts_[bucket].value(); }
  Duration sum() const noexcept { return Duration(sum_.value()); }

 private:
  const std::vector<Duration>* bounds_;
  std::unique_ptr<Count[]> counts_;
  Level sum_;
};

inline constexpr std::size_t kStatusCodes = 17;

/// Counters of one method on one side, in the order of their families on the page.
enum class MethodCount : std::uint8_t {
  kStarted,
  kMessagesReceived,
  kMessagesSent,
  kBytesReceived,
  kBytesSent,
  kFramesLost,
  // Jitter buffers.
  kFramesEmitted,
  kFramesLate,
  kFramesDropped,
  kFramesReordered,
  kFramesDuplicate,
  kConcealmentEvents,
  kFreezes,
  // Nanoseconds.
  kDelay,
  kConcealed,
  kSilentConcealed,
  kDecelerated,
  kAccelerated,
  kFrozen,
  kEnd,
};
/// Of what is going on at the moment.
enum class MethodLevel : std::uint8_t {
  kInFlight,
  kBuffers,      // streams with a jitter buffer
  kDelay,        // nanoseconds, of all these streams together
  kTargetDelay,  // the same
  kEnd,
};

template <class Enum>
constexpr std::size_t index(Enum value) noexcept {
  return static_cast<std::size_t>(value);
}

struct MethodSeries {
  MethodSeries(std::string service_name, std::string method_name, const char* kind_name,
               InterceptedCall::Side call_side, const std::vector<Duration>& bounds);
  MethodSeries(const MethodInfo& method, InterceptedCall::Side call_side,
               const std::vector<Duration>& bounds);

  Count& count(MethodCount which) noexcept { return counts[index(which)]; }
  Level& level(MethodLevel which) noexcept { return levels[index(which)]; }
  /// Adds what `other` has counted, and its levels, which a node that has ended has no more.
  void merge(const MethodSeries& other, bool with_levels) noexcept;

  // Copies: the series may outlive the code that has the method.
  const std::string service;
  const std::string method;
  const char* const kind;
  const InterceptedCall::Side side;
  std::array<Count, index(MethodCount::kEnd)> counts;
  std::array<Level, index(MethodLevel::kEnd)> levels;
  std::array<Count, kStatusCodes> handled;
  DurationHistogram handling;
};

/// "rpc", "event", "subscription", "client_stream", "server_stream", "bidi_stream".
const char* kind_of(const MethodInfo& method) noexcept;

enum class TransportCount : std::uint8_t {
  kBytesSent,
  kBytesReceived,
  kPacketsSent,
  kPacketsReceived,
  kPacketsLost,
  kDatagramsSent,
  kDatagramsReceived,
  kDatagramsDropped,
  kDatagramsLost,
  kEcnMarked,
  kEcnCongestion,
  kEnd,
};
/// Of the node and its handshakes.
enum class NodeCount : std::uint8_t {
  kOpened,
  kResumed,  // of those opened
  kRefused,
  kEarlyDataAccepted,
  kEarlyDataRejected,
  kHandshakesStarted,
  kClientsRefused,
  kRetriesSent,
  kStatelessResetsSent,
  kDatagramsDropped,
  kCallsOverLimit,
  kLoopStalls,
  kLoopStalled,  // nanoseconds
  kEnd,
};
inline constexpr std::size_t kClockStates = 5;

/// What one node counts. The node's thread writes, one at a time reads or merges.
class NodeSeries {
 public:
  explicit NodeSeries(const std::vector<Duration>& handling_bounds);

  /// The node's thread. The series stays where it is.
  MethodSeries& method(const MethodInfo& method, InterceptedCall::Side side);
  /// Methods that get a series of their own, on each side. Those of a schema are never that many;
  /// more are counted together, as service "other", method "other".
  static constexpr std::size_t kMostMethods = 4096;

  void merge(const NodeSeries& other, bool with_levels);
  /// Any thread.
  template <class Visit>
  void for_each_method(Visit&& visit) const {
    const std::lock_guard lock(mutex_);
    for (const MethodSeries& series : methods_) visit(series);
  }

  Count& count(TransportCount which) noexcept { return counts[index(which)]; }
  Count& count(NodeCount which) noexcept { return node_counts[index(which)]; }
  /// The node's thread. Adds what is new since the last time.
  void add(const NodeStats& now);
  /// Node::clock(), which is known or is not.
  void set_shared_clock(const NodeClockEstimate& now);

  std::array<Count, index(TransportCount::kEnd)> counts;
  std::array<Count, index(NodeCount::kEnd)> node_counts;
  std::array<Count, kStatusCodes> sessions_failed;
  std::array<Count, kStatusCodes> sessions_closed;
  std::array<Count, kMisbehaviours> peers_put_out;
  Level sessions_open;
  Level sessions_opening;
  Level handlers_running;
  // Of the clock that nodes share: how many nodes know it, and their sums in nanoseconds.
  Level shared_clocks;
  Level shared_clock_offset;
  Level shared_clock_bound;
  std::array<Level, kClockStates> clocks;
  DurationHistogram rtt;
  DurationHistogram clock_bound;
  DurationHistogram clock_error;

 private:
  struct Known {
    std::array<MethodSeries*, 2> sides{};
  };
  MethodSeries& add(const MethodInfo& method, InterceptedCall::Side side);
  MethodSeries& find_or_add(const MethodSeries& like);

  const std::vector<Duration>& handling_bounds_;
  NodeStats last_stats_;
  mutable std::mutex mutex_;  // of methods_, when it grows
  std::deque<MethodSeries> methods_;
  std::unordered_map<const MethodInfo*, Known> known_;
  const MethodInfo* last_ = nullptr;
  Known last_known_;
  std::array<MethodSeries*, 2> other_{};
  std::unordered_map<std::string, MethodSeries*> merged_;  // by what is the same on all nodes
};

}  // namespace echostream::internal
