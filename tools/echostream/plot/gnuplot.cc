#include "tools/echostream/plot/gnuplot.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/echostream/io/microseconds.h"
#include "tools/echostream/io/output_file.h"
#include "tools/echostream/plot/svg.h"

namespace echostream::tool {

namespace {

// In single quotes gnuplot takes everything as it is, but for the quote itself.
std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ') continue;
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// From the upper left corner in pixels, as svg.h counts, to gnuplot's "screen".
std::string at_pixel(double x, double y) {
  return "screen " + fixed(x / kPictureWidth, 4) + "," + fixed(1 - y / kPictureHeight, 4);
}

std::string color_of(const Series& series) { return " lc rgb " + literal(series.color); }

std::string style_of(const Series& series) {
  switch (series.shape) {
    case Series::Shape::kDots:
      // Two digits before the colour say how transparent it is.
      return "with points pt 7 ps 0.35 lc rgb " + literal("#73" + series.color.substr(1));
    case Series::Shape::kTriangles:
      return "with points pt 9 ps 1.2" + color_of(series);
    case Series::Shape::kCrosses:
      return "with points pt 2 ps 0.9 lw 1.6" + color_of(series);
    case Series::Shape::kLine:
      return "with lines lw 1.5" + color_of(series);
    case Series::Shape::kImpulses:
      return "with impulses lw 1.6" + color_of(series);
    case Series::Shape::kBand:
      return "with filledcurves fs transparent solid 0.28 noborder" + color_of(series);
  }
  return "";
}

// What stands for a series in the legend, centred at a pixel.
std::string sample_of(const Series& series, double x, double y) {
  const auto mark = [&](const std::string& type) {
    return "set label '' at " + at_pixel(x, y) + " point " + type + color_of(series) + "\n";
  };
  const auto line = [&](double dx, double dy, const std::string& width) {
    return "set arrow from " + at_pixel(x - dx, y - dy) + " to " + at_pixel(x + dx, y + dy) +
           " nohead lw " + width + color_of(series) + "\n";
  };
  constexpr double kHalf = kSampleWidth / 2;
  switch (series.shape) {
    case Series::Shape::kDots:
      return mark("pt 7 ps 0.6");
    case Series::Shape::kTriangles:
      return mark("pt 9 ps 1.2");
    case Series::Shape::kCrosses:
      return mark("pt 2 ps 0.9 lw 1.6");
    case Series::Shape::kLine:
      return line(kHalf, 0, "2");
    case Series::Shape::kImpulses:
      return line(0, kHalf / 2, "2.5");
    case Series::Shape::kBand:
      return "set object rectangle from " + at_pixel(x - kHalf, y - kHalf / 2) + " to " +
             at_pixel(x + kHalf, y + kHalf / 2) + " fs transparent solid 0.28 noborder fc rgb " +
             literal(series.color) + "\n";
  }
  return "";
}

std::string block_name(std::size_t panel, std::size_t series) {
  return "$data_" + std::to_string(panel) + "_" + std::to_string(series);
}

void write_data(std::ostream& out, const Series& series) {
  constexpr int kDigits = 6;
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const Point& point = series.points[i];
    // An empty line interrupts the line.
    if (!std::isnan(point.y)) {
      out << fixed(point.x, kDigits) << ' ' << fixed(point.y, kDigits);
      if (!series.upper.empty()) out << ' ' << fixed(series.upper[i], kDigits);
    }
    out << '\n';
  }
}

void write_all_data(std::ostream& out, const Figure& figure) {
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    for (std::size_t s = 0; s < figure.panels[p].series.size(); ++s) {
      out << block_name(p, s) << " << END\n";
      write_data(out, figure.panels[p].series[s]);
      out << "END\n";
    }
  }
}

// Title and legend belong to the picture; gnuplot draws them with the first panel.
void write_words(std::ostream& out, const Figure& figure) {
  out << "set label " << literal(figure.title) << " at "
      << at_pixel(kLeftMargin, kTitleBaseline - 5) << " font 'sans:Bold,13'\n"
      << "set label " << literal(figure.subtitle) << " at "
      << at_pixel(kLeftMargin, kSubtitleBaseline - 5) << '\n';
  for (const LegendEntry& entry : legend_of(figure)) {
    out << sample_of(*entry.series, entry.x + kSampleWidth / 2, kLegendBaseline - 5) << "set label "
        << literal(entry.series->label) << " at " << at_pixel(entry.label_x, kLegendBaseline - 5)
        << '\n';
  }
}

// "('0' 0.000000, '5' 5.000000)"; without words where the axis is to have none.
std::string tics_at(const Ticks& ticks, bool has_words) {
  std::string out = "(";
  for (const double position : ticks.positions) {
    if (out.size() > 1) out += ", ";
    out += literal(has_words ? fixed(position, ticks.digits) : "") + " " + fixed(position, 6);
  }
  return out + ")";
}

void write_panel(std::ostream& out, const Figure& figure, std::size_t index) {
  const Panel& panel = figure.panels[index];
  const PanelPlace place = place_of(figure, index);
  const bool is_last = index + 1 == figure.panels.size();
  out << "set tmargin at screen " << fixed(1 - place.top / kPictureHeight, 4)
      << "\nset bmargin at screen " << fixed(1 - place.bottom / kPictureHeight, 4) << "\nset xtics "
      << tics_at(x_ticks_of(figure), is_last) << "\nset yrange [" << fixed(panel.y_from, 6) << ':'
      << fixed(panel.y_to, 6) << "]\nset ytics " << tics_at(y_ticks_of(panel, place), true)
      << "\nset label " << literal(panel.y_label) << " at "
      << at_pixel(kPanelLabelBaseline - 5, (place.top + place.bottom) / 2)
      << " center rotate by 90\n";
  if (is_last) out << "set xlabel " << literal(figure.x_label) << '\n';
  // Also where there is no data: the axes are drawn all the same.
  out << "plot NaN notitle";
  for (std::size_t i = 0; i < panel.series.size(); ++i) {
    const Series& series = panel.series[i];
    if (series.points.empty()) continue;
    out << ", \\\n  " << block_name(index, i)
        << (series.shape == Series::Shape::kBand ? " using 1:2:3 " : " using 1:2 ")
        << style_of(series) << " notitle";
  }
  out << '\n';
}

}  // namespace

void write_gnuplot(std::ostream& out, const Figure& figure, const std::string& png) {
  write_all_data(out, figure);
  out << "set encoding utf8\nset terminal pngcairo size " << kPictureWidth << ',' << kPictureHeight
      << " font 'sans,10' background rgb 'white' noenhanced\n"
      << "set output " << literal(png) << "\nset multiplot\n"
      << "set border 3 lc rgb '#606060'\nset tics nomirror out\n"
      << "set grid back lc rgb '#e6e6e6' lw 1 lt 1\nunset key\n"
      << "set lmargin at screen " << fixed(kLeftMargin / kPictureWidth, 4)
      << "\nset rmargin at screen " << fixed(1 - kRightMargin / kPictureWidth, 4)
      << "\nset xrange [" << fixed(figure.x_from, 6) << ':' << fixed(figure.x_to, 6) << "]\n";
  write_words(out, figure);
  for (std::size_t i = 0; i < figure.panels.size(); ++i) {
    write_panel(out, figure, i);
    out << "unset label\nunset arrow\nunset object\n";
  }
  out << "unset multiplot\nunset output\n";
}

Status draw_png(const Figure& figure, const std::string& png) {
  // NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe): a program of one thread.
  if (std::system("command -v gnuplot >/dev/null 2>&1") != 0) {
    return {StatusCode::kUnavailable,
            "a PNG needs gnuplot, which is not installed (on Debian: apt install gnuplot-nox); or "
            "give --output a name that ends in .svg"};
  }
  auto script = OutputFile::create(png + ".gnuplot", {});
  if (!script) return script.error();
  write_gnuplot(script->stream(), figure, png);
  script->stream().flush();
  if (!script->stream())
    return {StatusCode::kUnavailable, "cannot write a script for gnuplot beside " + png};
  const std::string command = "gnuplot " + shell_word(script->unfinished().string()) + " >&2";
  // NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe)
  if (std::system(command.c_str()) != 0) {
    return {StatusCode::kUnavailable, "gnuplot failed; what it wrote above says why"};
  }
  return Status::ok();
}

}  // namespace echostream::tool
