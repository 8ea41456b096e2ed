// The series of all nodes that count in one registry.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "echostream/base/time.h"

#include "runtime/plugins/metrics/series.h"

namespace echostream::internal {

/// Any thread.
class SeriesTable {
 public:
  explicit SeriesTable(std::vector<Duration> handling_bounds);

  /// May be held for longer than the table.
  std::shared_ptr<NodeSeries> add();
  /// The node has ended. What it counted stays, for counters never fall.
  void retire(const std::shared_ptr<NodeSeries>& series);
  /// Everything, added up into an empty `sum` that was made with handling_bounds().
  void add_up(NodeSeries& sum) const;
  const std::vector<Duration>& handling_bounds() const noexcept { return *handling_bounds_; }

 private:
  const std::shared_ptr<const std::vector<Duration>> handling_bounds_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<NodeSeries>> nodes_;
  NodeSeries retired_;
};

}  // namespace echostream::internal
