// The streams and subscriptions that a node has at the moment, on both sides, and what became of
// their messages so far.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "echostream/base/task.h"
#include "echostream/middleware.h"

namespace echostream::gateway {

/// Messages of one direction, and how many come in a second.
class FlowMeter {
 public:
  void add(LocalTime at, std::size_t bytes) noexcept;
  std::uint64_t messages() const noexcept { return messages_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  /// Over the last whole window of a second or more.
  double messages_per_s(LocalTime now) const noexcept;
  double bytes_per_s(LocalTime now) const noexcept;

 private:
  struct Window {
    LocalTime from{};
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };
  double per_second(LocalTime now, std::uint64_t Window::*count, double last) const noexcept;

  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  Window window_;
  double messages_per_s_ = 0;
  double bytes_per_s_ = 0;
};

/// What the filter of a stream has seen; it may outlive the call.
struct StreamFigures {
  FlowMeter sent;
  FlowMeter received;
  std::uint64_t frames_lost = 0;
  std::optional<Latency> latency;
};

/// Lives in the frame of the layer, and so as long as the call runs.
class RunningStream;

/// One thread: the loop's.
class RunningStreams {
 public:
  /// By number, the oldest first. As many as the limits of the node allow calls.
  const std::map<std::uint64_t, const RunningStream*>& all() const noexcept { return streams_; }

 private:
  friend class RunningStream;
  std::map<std::uint64_t, const RunningStream*> streams_;
  std::uint64_t last_ = 0;
};

class RunningStream {
 public:
  RunningStream(std::shared_ptr<RunningStreams> among, InterceptedCall& call);
  ~RunningStream();
  RunningStream(const RunningStream&) = delete;
  RunningStream& operator=(const RunningStream&) = delete;

  const InterceptedCall& call() const noexcept { return call_; }
  const StreamFigures& figures() const noexcept { return *figures_; }

 private:
  const std::shared_ptr<RunningStreams> among_;
  const std::uint64_t id_;
  const InterceptedCall& call_;
  const std::shared_ptr<StreamFigures> figures_;
};

/// Enters streams and subscriptions, all but those of one service: the one that tells of them.
class StreamWatch final : public Middleware {
 public:
  StreamWatch(std::shared_ptr<RunningStreams> streams, std::string_view but_service) noexcept
      : streams_(std::move(streams)), but_service_(but_service) {}

  std::string_view name() const override { return "console"; }
  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override;
  Task<Status> call(InterceptedCall& call, Next next) override;
  Task<Status> serve(InterceptedCall& call, Next next) override;

 private:
  const std::shared_ptr<RunningStreams> streams_;
  const std::string_view but_service_;
};

}  // namespace echostream::gateway
