// Draws a figure as a Scalable Vector Graphic that needs nothing else.
#pragma once

#include <ostream>
#include <vector>

#include "tools/echostream/plot/figure.h"

namespace echostream::tool {

void write_svg(std::ostream& out, const Figure& figure);

/// Of the picture, in pixels; also for gnuplot, so that both look alike.
inline constexpr int kPictureWidth = 1000;
inline constexpr int kPictureHeight = 600;
/// From the picture's edges to the panels.
inline constexpr double kLeftMargin = 74;
inline constexpr double kRightMargin = 24;
inline constexpr double kTopMargin = 92;
inline constexpr double kBottomMargin = 52;
inline constexpr double kBetweenPanels = 18;
/// Baselines of the words above the panels.
inline constexpr double kTitleBaseline = 28;
inline constexpr double kSubtitleBaseline = 49;
inline constexpr double kLegendBaseline = 76;
inline constexpr double kPanelLabelBaseline = 20;
/// Of the sample that stands before a label of the legend.
inline constexpr double kSampleWidth = 24;

/// Where a panel lies, from the picture's upper edge.
struct PanelPlace {
  double top = 0;
  double bottom = 0;
};
PanelPlace place_of(const Figure& figure, std::size_t panel);
Ticks x_ticks_of(const Figure& figure);
Ticks y_ticks_of(const Panel& panel, const PanelPlace& place);

/// Where the sample and the label of a series stand in the legend.
struct LegendEntry {
  const Series* series = nullptr;
  double x = 0;
  double label_x = 0;
};
std::vector<LegendEntry> legend_of(const Figure& figure);

}  // namespace echostream::tool
