#include "tools/echostream/plot/figure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "tools/echostream/plot/gnuplot.h"
#include "tools/echostream/plot/svg.h"

namespace echostream::tool {
namespace {

TEST(Ticks, StandAtRoundNumbers) {
  const Ticks ticks = ticks_between(0, 103, 10);
  EXPECT_EQ(ticks.positions, (std::vector<double>{0, 20, 40, 60, 80, 100}));
  EXPECT_EQ(ticks.digits, 0);
  const Ticks small = ticks_between(-0.05, 0.11, 4);
  ASSERT_EQ(small.positions.size(), 4U);
  EXPECT_NEAR(small.positions[0], -0.05, 1e-12);
  EXPECT_EQ(small.digits, 2);
}

TEST(Ticks, AreFewForEveryRange) {
  for (int exponent = -9; exponent <= 18; ++exponent) {
    for (const double factor : {1.0, 1.7, 2.5, 4.9, 7.3, 9.99}) {
      const double range = factor * std::pow(10, exponent);
      const auto count = ticks_between(-range / 3, range * 2 / 3, 8).positions.size();
      EXPECT_GE(count, 3U) << range;
      EXPECT_LE(count, 9U) << range;
      EXPECT_GE(rounded_up(range), range * (1 - 1e-6));
      EXPECT_LE(rounded_up(range), range * 2);
    }
  }
  EXPECT_TRUE(ticks_between(1, 1, 8).positions.empty());
  EXPECT_TRUE(ticks_between(0, std::numeric_limits<double>::quiet_NaN(), 8).positions.empty());
}

Figure figure_of(Series series) {
  Figure figure;
  figure.title = "Title <&>'";
  figure.x_to = 100;
  figure.panels = {{"y", 0, 10, 1, {std::move(series)}}};
  return figure;
}

TEST(Thin, KeepsOneMarkForEachSpot) {
  Series dots{Series::Shape::kDots, "dots", "#000000", {}, {}};
  for (int i = 0; i < 100'000; ++i) dots.points.push_back({50, i % 2 == 0 ? 2.0 : 8.0});
  dots.points.push_back({90, 5});
  Figure figure = figure_of(std::move(dots));
  thin(figure, 1000, 500);
  EXPECT_EQ(figure.panels[0].series[0].points.size(), 3U);
}

TEST(Thin, KeepsTheExtremesOfALineAndItsInterruptions) {
  Series line{Series::Shape::kLine, "line", "#000000", {}, {}};
  for (int i = 0; i < 100'000; ++i) line.points.push_back({i / 1000.0, 5 + std::sin(i)});
  line.points[50'500].y = 9;
  line.points.insert(line.points.begin() + 70'000, {70, std::numeric_limits<double>::quiet_NaN()});
  Figure figure = figure_of(std::move(line));
  thin(figure, 100, 100);
  const auto& points = figure.panels[0].series[0].points;
  EXPECT_LE(points.size(), 410U);
  EXPECT_TRUE(std::any_of(points.begin(), points.end(), [](Point p) { return p.y == 9; }));
  EXPECT_TRUE(std::any_of(points.begin(), points.end(), [](Point p) { return std::isnan(p.y); }));
  EXPECT_TRUE(
      std::is_sorted(points.begin(), points.end(), [](Point a, Point b) { return a.x < b.x; }));
}

TEST(Thin, PutsWhatIsOutsideOnTheEdge) {
  Figure figure =
      figure_of({Series::Shape::kTriangles, "late", "#000000", {{1, -5}, {2, 1e300}}, {}});
  thin(figure, 100, 100);
  EXPECT_EQ(figure.panels[0].series[0].points[0].y, 0);
  EXPECT_EQ(figure.panels[0].series[0].points[1].y, 10);
}

TEST(Thin, KeepsBothEdgesOfABand) {
  Series band{Series::Shape::kBand, "band", "#000000", {{1, 4}, {1.001, 3}, {50, 4}}, {5, 6, 7}};
  Figure figure = figure_of(std::move(band));
  thin(figure, 100, 100);
  const Series& thinned = figure.panels[0].series[0];
  ASSERT_EQ(thinned.points.size(), 2U);
  EXPECT_EQ(thinned.points[0].y, 3);
  EXPECT_EQ(thinned.upper, (std::vector<double>{6, 7}));
}

TEST(Svg, EscapesWordsAndDrawsEveryShape) {
  for (int shape = 0; shape <= static_cast<int>(Series::Shape::kBand); ++shape) {
    Series series{static_cast<Series::Shape>(shape), "label", "#123456", {{1, 1}, {2, 2}}, {}};
    if (series.shape == Series::Shape::kBand) series.upper = {3, 4};
    std::ostringstream out;
    write_svg(out, figure_of(std::move(series)));
    const std::string svg = out.str();
    EXPECT_NE(svg.find("<title>Title &lt;&amp;&gt;'</title>"), std::string::npos);
    EXPECT_NE(svg.find("#123456"), std::string::npos);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
  }
}

TEST(Gnuplot, QuotesWordsSoThatTheyRunNothing) {
  Figure figure = figure_of({Series::Shape::kLine, "it's `date`", "#123456", {{1, 1}, {2, 2}}, {}});
  figure.title = "'; system \"date\"\n!date";
  std::ostringstream out;
  write_gnuplot(out, figure, "a'b.png");
  const std::string script = out.str();
  EXPECT_NE(script.find("set label '''; system \"date\"!date'"), std::string::npos);
  EXPECT_NE(script.find("'it''s `date`'"), std::string::npos);
  EXPECT_NE(script.find("set output 'a''b.png'"), std::string::npos);
}

}  // namespace
}  // namespace echostream::tool
