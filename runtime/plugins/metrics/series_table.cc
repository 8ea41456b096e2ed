#include "runtime/plugins/metrics/series_table.h"

#include <utility>

namespace echostream::internal {

SeriesTable::SeriesTable(std::vector<Duration> handling_bounds)
    : handling_bounds_(std::move(handling_bounds)), retired_(handling_bounds_) {}

std::shared_ptr<NodeSeries> SeriesTable::add() {
  auto series = std::make_shared<NodeSeries>(handling_bounds_);
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
