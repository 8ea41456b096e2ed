#include "tools/echostream/plot/figure.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <unordered_set>

namespace echostream::tool {

namespace {

// The least of 1, 2, 5 times a power of ten that is not below `value`.
double nice_step(double value) {
  const double power = std::pow(10.0, std::floor(std::log10(value)));
  constexpr double kRounding = 1e-9;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= value * (1 - kRounding)) return factor * power;
  }
  return 10 * power;
}

// Which of `steps` equal parts of [from, to] holds `value`.
std::int64_t part_of(double value, double from, double to, int steps) {
  const double part = (value - from) / (to - from) * steps;
  return static_cast<std::int64_t>(std::clamp(part, -1.0, steps + 1.0));
}

void thin_marks(const Figure& figure, const Panel& panel, Series& series, int columns, int rows) {
  std::unordered_set<std::int64_t> taken;
  std::vector<Point> kept;
  for (const Point& point : series.points) {
    const std::int64_t cell = part_of(point.x, figure.x_from, figure.x_to, columns) * (rows + 3) +
                              part_of(point.y, panel.y_from, panel.y_to, rows);
    if (taken.insert(cell).second) kept.push_back(point);
  }
  series.points = std::move(kept);
}

// Of each column the first, the lowest, the highest and the last point, in their order; and every
// interruption.
void thin_line(const Figure& figure, Series& series, int columns) {
  const std::vector<Point>& points = series.points;
  std::vector<Point> kept;
  for (std::size_t begin = 0; begin < points.size();) {
    if (std::isnan(points[begin].y)) {
      kept.push_back(points[begin++]);
      continue;
    }
    const auto column = part_of(points[begin].x, figure.x_from, figure.x_to, columns);
    std::size_t end = begin;
    std::size_t lowest = begin;
    std::size_t highest = begin;
    while (end < points.size() && !std::isnan(points[end].y) &&
           part_of(points[end].x, figure.x_from, figure.x_to, columns) == column) {
      if (points[end].y < points[lowest].y) lowest = end;
      if (points[end].y > points[highest].y) highest = end;
      ++end;
    }
    std::size_t chosen[] = {begin, lowest, highest, end - 1};
    std::sort(std::begin(chosen), std::end(chosen));
    for (std::size_t i = 0; i < std::size(chosen); ++i) {
      if (i == 0 || chosen[i] != chosen[i - 1]) kept.push_back(points[chosen[i]]);
    }
    begin = end;
  }
  series.points = std::move(kept);
}

// One point for each column, with the least and the greatest edge in it.
void thin_band(const Figure& figure, Series& series, int columns) {
  std::vector<Point> kept;
  std::vector<double> upper;
  std::int64_t last_column = std::numeric_limits<std::int64_t>::min();
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const auto column = part_of(series.points[i].x, figure.x_from, figure.x_to, columns);
    if (column != last_column) {
      kept.push_back(series.points[i]);
      upper.push_back(series.upper[i]);
      last_column = column;
    } else {
      kept.back().y = std::min(kept.back().y, series.points[i].y);
      upper.back() = std::max(upper.back(), series.upper[i]);
    }
  }
  series.points = std::move(kept);
  series.upper = std::move(upper);
}

void keep_inside(const Panel& panel, Series& series) {
  for (Point& point : series.points) {
    if (!std::isnan(point.y)) point.y = std::clamp(point.y, panel.y_from, panel.y_to);
  }
  for (double& y : series.upper) y = std::clamp(y, panel.y_from, panel.y_to);
}

}  // namespace

Ticks ticks_between(double from, double to, int about) {
  Ticks ticks;
  if (!(to > from)) return ticks;
  const double step = nice_step((to - from) / about);
  ticks.digits = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  // Counted, not summed: sums drift.
  const double first = std::ceil(from / step - 1e-9);
  const double last = std::floor(to / step + 1e-9);
  for (double i = first; i <= last; ++i) ticks.positions.push_back(i * step);
  return ticks;
}

double rounded_up(double value) {
  if (!(value > 0)) return 1;
  constexpr int kSteps = 5;
  const double step = nice_step(value / kSteps);
  return std::ceil(value / step - 1e-9) * step;
}

void thin(Figure& figure, int columns, int rows) {
  for (Panel& panel : figure.panels) {
    for (Series& series : panel.series) {
      keep_inside(panel, series);
      switch (series.shape) {
        case Series::Shape::kDots:
        case Series::Shape::kTriangles:
        case Series::Shape::kCrosses:
        case Series::Shape::kImpulses:
          thin_marks(figure, panel, series, columns, rows);
          break;
        case Series::Shape::kLine:
          thin_line(figure, series, columns);
          break;
        case Series::Shape::kBand:
          thin_band(figure, series, columns);
          break;
      }
    }
  }
}

}  // namespace echostream::tool
