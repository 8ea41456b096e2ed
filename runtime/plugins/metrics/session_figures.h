// What sessions say of themselves, added up over those of a node.
#pragma once

#include <memory>
#include <unordered_map>

#include "echostream/session.h"

#include "runtime/plugins/metrics/sampler.h"
#include "runtime/plugins/metrics/series.h"

namespace echostream::internal {

/// One open session.
class SessionFigures final : public Sampled {
 public:
  SessionFigures(NodeSeries& series, Session session);
  ~SessionFigures() override;
  void sample() override;
  /// What it has counted since the last time.
  void add(const SessionStats& now);

 private:
  void set_clock_state(int state);
  NodeSeries& series_;
  Session session_;
  SessionStats last_;
  int clock_state_ = -1;
};

/// All open ones. The node's thread.
class OpenSessions {
 public:
  OpenSessions(NodeSeries& series, Sampler& sampler) noexcept
      : series_(series), sampler_(sampler) {}
  void open(const Session& session);
  void close(const Session& session, const Status& reason, const SessionStats& last);

 private:
  NodeSeries& series_;
  Sampler& sampler_;
  std::unordered_map<const void*, std::unique_ptr<SessionFigures>> sessions_;
};

}  // namespace echostream::internal
