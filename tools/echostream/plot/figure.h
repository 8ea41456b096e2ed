// A figure of stacked panels over one horizontal axis, as data; svg.h and gnuplot.h draw it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace echostream::tool {

struct Point {
  double x = 0;
  double y = 0;
};

struct Series {
  enum class Shape : std::uint8_t {
    kDots,       // many small marks
    kTriangles,  // few marks that stand out
    kCrosses,
    kLine,      // straight from point to point
    kImpulses,  // a bar from zero
    kBand,      // filled between points and `upper`
  };
  Shape shape = Shape::kDots;
  /// In the legend; empty: not listed.
  std::string label;
  /// "#rrggbb".
  std::string color;
  /// In the order of x. A line is interrupted where a point's y is not a number.
  std::vector<Point> points;
  /// kBand: the other edge, point for point.
  std::vector<double> upper;
};

struct Panel {
  std::string y_label;
  double y_from = 0;
  double y_to = 1;
  /// Of the height of the figure, relative to the other panels.
  double weight = 1;
  /// Drawn in that order, later ones on top.
  std::vector<Series> series;
};

struct Figure {
  std::string title;
  std::string subtitle;
  std::string x_label;
  double x_from = 0;
  double x_to = 1;
  std::vector<Panel> panels;
};

/// Positions of marks on an axis, at steps of 1, 2 or 5 times a power of ten.
struct Ticks {
  std::vector<double> positions;
  /// Digits after the point that tell them apart.
  int digits = 0;
};
Ticks ticks_between(double from, double to, int about);
/// The next step of ticks_between() at or above `value`: a good end for an axis.
double rounded_up(double value);

/// Leaves out what nobody could see at the given number of steps of each axis: marks on the same
/// spot, and points of a line that lie between the others of their column. What lies outside the
/// panel is put on its edge.
void thin(Figure& figure, int columns, int rows);

}  // namespace echostream::tool
