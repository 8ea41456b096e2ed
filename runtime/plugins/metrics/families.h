// The series as Prometheus knows them: names, help, labels, units.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "runtime/plugins/metrics/series.h"

namespace echostream::internal {

/// Families without a member are left out.
std::vector<prometheus::MetricFamily> make_families(const NodeSeries& series);

}  // namespace echostream::internal
