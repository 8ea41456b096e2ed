#include "tools/echostream/plot/svg.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "tools/echostream/io/microseconds.h"

namespace echostream::tool {

namespace {

constexpr std::string_view kTextColor = "#222222";
constexpr std::string_view kAxisColor = "#606060";
constexpr std::string_view kGridColor = "#e6e6e6";

std::string number(double value) {
  std::string text = fixed(value, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        // Other control characters are no XML.
        if (static_cast<unsigned char>(c) >= ' ') out += c;
    }
  }
  return out;
}

// Where the coordinates of a panel lie in the picture.
class PlotFrame {
 public:
  PlotFrame(const Figure& figure, const Panel& panel, PanelPlace place)
      : figure_(figure), panel_(panel), place_(place) {}

  double x(double value) const {
    return kLeftMargin + (value - figure_.x_from) / (figure_.x_to - figure_.x_from) * width();
  }
  double y(double value) const {
    return bottom() - (value - panel_.y_from) / (panel_.y_to - panel_.y_from) * height();
  }
  const PanelPlace& place() const { return place_; }
  double top() const { return place_.top; }
  double bottom() const { return place_.bottom; }
  static double right() { return kPictureWidth - kRightMargin; }
  double height() const { return place_.bottom - place_.top; }

 private:
  static double width() { return right() - kLeftMargin; }

  const Figure& figure_;
  const Panel& panel_;
  PanelPlace place_;
};

class SvgWriter {
 public:
  SvgWriter(std::ostream& out, const Figure& figure) : out_(out), figure_(figure) {}

  void write() {
    out_ << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << kPictureWidth << "\" height=\""
         << kPictureHeight << "\" viewBox=\"0 0 " << kPictureWidth << ' ' << kPictureHeight
         << "\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"13\">\n"
         << "<title>" << escaped(figure_.title) << "</title>\n"
         << "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
    text(kLeftMargin, kTitleBaseline, "start", figure_.title,
         "font-size=\"17\" font-weight=\"bold\"");
    text(kLeftMargin, kSubtitleBaseline, "start", figure_.subtitle, "font-size=\"13\"");
    write_legend();
    write_panels();
    out_ << "</svg>\n";
  }

 private:
  void write_panels() {
    for (std::size_t i = 0; i < figure_.panels.size(); ++i) {
      const PlotFrame frame(figure_, figure_.panels[i], place_of(figure_, i));
      write_panel(figure_.panels[i], frame, i + 1 == figure_.panels.size());
    }
    text((kLeftMargin + PlotFrame::right()) / 2, kPictureHeight - 12, "middle", figure_.x_label);
  }

  void write_panel(const Panel& panel, const PlotFrame& frame, bool has_numbers_below) {
    write_x_ticks(frame, has_numbers_below);
    const Ticks ticks = y_ticks_of(panel, frame.place());
    for (const double value : ticks.positions) {
      const double y = frame.y(value);
      line(kLeftMargin, y, PlotFrame::right(), y, kGridColor);
      line(kLeftMargin - 4, y, kLeftMargin, y, kAxisColor);
      text(kLeftMargin - 8, y + 4.5, "end", fixed(value, ticks.digits));
    }
    for (const Series& series : panel.series) write_series(series, frame);
    line(kLeftMargin, frame.top(), kLeftMargin, frame.bottom(), kAxisColor);
    line(kLeftMargin, frame.bottom(), PlotFrame::right(), frame.bottom(), kAxisColor);
    const double middle = (frame.top() + frame.bottom()) / 2;
    out_ << "<text transform=\"translate(" << number(kPanelLabelBaseline) << ' ' << number(middle)
         << ") rotate(-90)\" text-anchor=\"middle\" fill=\"" << kTextColor << "\">"
         << escaped(panel.y_label) << "</text>\n";
  }

  void write_x_ticks(const PlotFrame& frame, bool has_numbers) {
    const Ticks ticks = x_ticks_of(figure_);
    for (const double value : ticks.positions) {
      const double x = frame.x(value);
      line(x, frame.top(), x, frame.bottom(), kGridColor);
      line(x, frame.bottom(), x, frame.bottom() + 4, kAxisColor);
      if (has_numbers) text(x, frame.bottom() + 18, "middle", fixed(value, ticks.digits));
    }
  }

  void write_series(const Series& series, const PlotFrame& frame) {
    switch (series.shape) {
      case Series::Shape::kDots:
        write_dots(series, frame);
        break;
      case Series::Shape::kTriangles:
        begin_path(series.color);
        for (const Point& point : series.points) triangle(frame.x(point.x), frame.y(point.y));
        end_path();
        break;
      case Series::Shape::kCrosses:
        begin_path("none", series.color, 1.6);
        for (const Point& point : series.points) cross(frame.x(point.x), frame.y(point.y));
        end_path();
        break;
      case Series::Shape::kLine:
        write_line(series, frame);
        break;
      case Series::Shape::kImpulses:
        begin_path("none", series.color, 1.6);
        for (const Point& point : series.points) {
          move('M', frame.x(point.x), frame.y(0));
          move('L', frame.x(point.x), frame.y(point.y));
        }
        end_path();
        break;
      case Series::Shape::kBand:
        write_band(series, frame);
        break;
    }
  }

  // A line of no length with round ends is a dot, and much shorter to write than a circle.
  void write_dots(const Series& series, const PlotFrame& frame) {
    begin_path("none", series.color, 2.6, " stroke-linecap=\"round\" stroke-opacity=\"0.55\"");
    for (const Point& point : series.points) {
      move('M', frame.x(point.x), frame.y(point.y));
      out_ << "h0";
    }
    end_path();
  }

  void write_line(const Series& series, const PlotFrame& frame) {
    begin_path("none", series.color, 1.5, " stroke-linejoin=\"round\"");
    char command = 'M';
    for (const Point& point : series.points) {
      if (std::isnan(point.y)) {
        command = 'M';
        continue;
      }
      move(command, frame.x(point.x), frame.y(point.y));
      command = 'L';
    }
    end_path();
  }

  void write_band(const Series& series, const PlotFrame& frame) {
    out_ << "<path fill=\"" << series.color << "\" fill-opacity=\"0.28\" stroke=\"none\" d=\"";
    char command = 'M';
    for (const Point& point : series.points) {
      move(command, frame.x(point.x), frame.y(point.y));
      command = 'L';
    }
    for (std::size_t i = series.points.size(); i-- > 0;) {
      move('L', frame.x(series.points[i].x), frame.y(series.upper[i]));
    }
    out_ << "Z";
    end_path();
  }

  void write_legend() {
    for (const LegendEntry& entry : legend_of(figure_)) {
      write_sample(*entry.series, entry.x, kLegendBaseline - 4.5);
      text(entry.label_x, kLegendBaseline, "start", entry.series->label);
    }
  }

  void write_sample(const Series& series, double x, double y) {
    const double middle = x + kSampleWidth / 2;
    switch (series.shape) {
      case Series::Shape::kDots:
        begin_path("none", series.color, 4.5, " stroke-linecap=\"round\"");
        move('M', middle, y);
        out_ << "h0";
        break;
      case Series::Shape::kTriangles:
        begin_path(series.color);
        triangle(middle, y);
        break;
      case Series::Shape::kCrosses:
        begin_path("none", series.color, 1.6);
        cross(middle, y);
        break;
      case Series::Shape::kLine:
        begin_path("none", series.color, 2);
        move('M', x, y);
        move('L', x + kSampleWidth, y);
        break;
      case Series::Shape::kImpulses:
        begin_path("none", series.color, 2.5);
        move('M', middle, y + 6);
        move('L', middle, y - 6);
        break;
      case Series::Shape::kBand:
        out_ << "<path fill=\"" << series.color << "\" fill-opacity=\"0.28\" d=\"M" << number(x)
             << ' ' << number(y - 6) << "h24v12h-24Z";
        break;
    }
    end_path();
  }

  void begin_path(std::string_view fill) { out_ << "<path fill=\"" << fill << "\" d=\""; }
  void begin_path(std::string_view fill, std::string_view stroke, double width,
                  std::string_view more = "") {
    out_ << "<path fill=\"" << fill << "\" stroke=\"" << stroke << "\" stroke-width=\""
         << number(width) << '"' << more << " d=\"";
  }
  void end_path() { out_ << "\"/>\n"; }
  void move(char command, double x, double y) { out_ << command << number(x) << ' ' << number(y); }
  void triangle(double x, double y) {
    move('M', x, y - 5);
    move('L', x + 4.5, y + 3.5);
    move('L', x - 4.5, y + 3.5);
    out_ << 'Z';
  }
  void cross(double x, double y) {
    constexpr double kArm = 3.5;
    move('M', x - kArm, y - kArm);
    move('L', x + kArm, y + kArm);
    move('M', x - kArm, y + kArm);
    move('L', x + kArm, y - kArm);
  }

  void line(double x1, double y1, double x2, double y2, std::string_view color) {
    begin_path("none", color, 1);
    move('M', x1, y1);
    move('L', x2, y2);
    end_path();
  }

  void text(double x, double y, std::string_view anchor, std::string_view words,
            std::string_view more = "") {
    out_ << "<text x=\"" << number(x) << "\" y=\"" << number(y) << "\" text-anchor=\"" << anchor
         << "\" fill=\"" << kTextColor << "\" " << more << '>' << escaped(words) << "</text>\n";
  }

  std::ostream& out_;
  const Figure& figure_;
};

}  // namespace

PanelPlace place_of(const Figure& figure, std::size_t panel) {
  double before = 0;
  double all = 0;
  for (std::size_t i = 0; i < figure.panels.size(); ++i) {
    if (i < panel) before += figure.panels[i].weight;
    all += figure.panels[i].weight;
  }
  const double gaps = kBetweenPanels * static_cast<double>(figure.panels.size() - 1);
  const double room = kPictureHeight - kTopMargin - kBottomMargin - gaps;
  const double top = kTopMargin + room * before / all + kBetweenPanels * static_cast<double>(panel);
  return {top, top + room * figure.panels[panel].weight / all};
}

Ticks x_ticks_of(const Figure& figure) {
  constexpr int kAbout = 10;
  return ticks_between(figure.x_from, figure.x_to, kAbout);
}

Ticks y_ticks_of(const Panel& panel, const PanelPlace& place) {
  constexpr double kPixelsPerTick = 45;
  const int about = static_cast<int>((place.bottom - place.top) / kPixelsPerTick);
  return ticks_between(panel.y_from, panel.y_to, std::max(2, about));
}

std::vector<LegendEntry> legend_of(const Figure& figure) {
  // The letters' width is the viewer's font's; this is that of a wide one.
  constexpr double kPixelsPerCharacter = 6.7;
  constexpr double kBeforeLabel = 6;
  constexpr double kBetweenEntries = 22;
  std::vector<LegendEntry> entries;
  double x = kLeftMargin;
  for (const Panel& panel : figure.panels) {
    for (const Series& series : panel.series) {
      if (series.label.empty()) continue;
      const double label_x = x + kSampleWidth + kBeforeLabel;
      entries.push_back({&series, x, label_x});
      x = label_x + kPixelsPerCharacter * static_cast<double>(series.label.size()) +
          kBetweenEntries;
    }
  }
  return entries;
}

void write_svg(std::ostream& out, const Figure& figure) { SvgWriter(out, figure).write(); }

}  // namespace echostream::tool
