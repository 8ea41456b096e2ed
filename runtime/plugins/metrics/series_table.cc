#include "runtime/plugins/metrics/series_table.h"

#include <utility>

namespace echostream::internal {

namespace {

// Calls that are under way may outlive their node, its plugin and the table.
struct SeriesAndBounds {
  explicit SeriesAndBounds(std::shared_ptr<const std::vector<Duration>> shared)
      : bounds(std::move(shared)), series(*bounds) {}

  std::shared_ptr<const std::vector<Duration>> bounds;
  NodeSeries series;
};

}  // namespace

SeriesTable::SeriesTable(std::vector<Duration> handling_bounds)
    : handling_bounds_(std::make_shared<const std::vector<Duration>>(std::move(handling_bounds))),
      retired_(*handling_bounds_) {}

std::shared_ptr<NodeSeries> SeriesTable::add() {
  auto both = std::make_shared<SeriesAndBounds>(handling_bounds_);
  const std::shared_ptr<NodeSeries> series(both, &both->series);
  const std::lock_guard lock(mutex_);
  nodes_.push_back(series);
  return series;
}

void SeriesTable::retire(const std::shared_ptr<NodeSeries>& series) {
  const std::lock_guard lock(mutex_);
  if (std::erase(nodes_, series) != 0) retired_.merge(*series, false);
}

void SeriesTable::add_up(NodeSeries& sum) const {
  const std::lock_guard lock(mutex_);
  sum.merge(retired_, false);
  for (const auto& node : nodes_) sum.merge(*node, true);
}

}  // namespace echostream::internal
