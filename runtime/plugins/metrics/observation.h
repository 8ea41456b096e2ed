// Middleware that counts calls, events and streams.
#pragma once

#include <memory>
#include <string_view>

#include "echostream/base/task.h"
#include "echostream/jitter_buffer.h"
#include "echostream/middleware.h"

#include "runtime/plugins/metrics/sampler.h"
#include "runtime/plugins/metrics/series.h"

namespace echostream::internal {

/// Brings what one jitter buffer says into its method's series, again and again while it lives.
class JitterBufferShare {
 public:
  explicit JitterBufferShare(MethodSeries& series) noexcept : series_(series) {}
  /// Takes its levels back.
  ~JitterBufferShare();
  JitterBufferShare(const JitterBufferShare&) = delete;
  JitterBufferShare& operator=(const JitterBufferShare&) = delete;

  void update(const JitterBufferStats& now);

 private:
  void set_levels(std::int64_t buffers, Duration delay, Duration target);
  MethodSeries& series_;
  JitterBufferStats last_;
  std::int64_t buffers_ = 0;
  Duration delay_{};
  Duration target_{};
};

class MetricsMiddleware final : public Middleware {
 public:
  MetricsMiddleware(std::shared_ptr<NodeSeries> series, Sampler& sampler) noexcept
      : series_(std::move(series)), sampler_(sampler) {}

  std::string_view name() const override { return "metrics"; }
  Task<Status> call(InterceptedCall& call, Next next) override;
  Task<Status> serve(InterceptedCall& call, Next next) override;

 private:
  std::shared_ptr<NodeSeries> series_;
  Sampler& sampler_;
};

}  // namespace echostream::internal
