// Draws a figure with gnuplot, for formats that we do not write ourselves.
#pragma once

#include <ostream>
#include <string>

#include "echostream/base/result.h"

#include "tools/echostream/plot/figure.h"

namespace echostream::tool {

/// The commands, with all data in them, that make a PNG of the figure.
void write_gnuplot(std::ostream& out, const Figure& figure, const std::string& png);

/// Runs the program gnuplot. An error says what to do if it is not installed.
Status draw_png(const Figure& figure, const std::string& png);

}  // namespace echostream::tool
