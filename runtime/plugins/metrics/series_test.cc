#include "runtime/plugins/metrics/series.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <thread>

#include "runtime/plugins/metrics/observation.h"
#include "runtime/plugins/metrics/series_table.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;
using Side = InterceptedCall::Side;

const std::vector<Duration> kBounds{1ms, 10ms, 100ms};

MethodInfo method(std::string_view full_name, MethodKind kind = MethodKind::kRpc) {
  MethodInfo info;
  info.full_name = full_name;
  info.name = full_name.substr(full_name.find('/') + 1);
  info.kind = kind;
  return info;
}

std::size_t series_in(const NodeSeries& node) {
  std::size_t count = 0;
  node.for_each_method([&](const MethodSeries&) { ++count; });
  return count;
}

TEST(DurationHistogram, CountsAValueAtABoundBelowIt) {
  DurationHistogram histogram(kBounds);
  histogram.observe(1ms);
  histogram.observe(1ms + 1ns);
  histogram.observe(5s);
  EXPECT_EQ(histogram.count(0), 1u);
  EXPECT_EQ(histogram.count(1), 1u);
  EXPECT_EQ(histogram.count(2), 0u);
  EXPECT_EQ(histogram.count(3), 1u);
  EXPECT_EQ(histogram.sum(), 5s + 2ms + 1ns);
}

TEST(MethodSeries, NamesTheKindsOfMethods) {
  MethodInfo stream = method("a.B/C", MethodKind::kStream);
  stream.server_streaming = true;
  EXPECT_STREQ(kind_of(stream), "server_stream");
  stream.client_streaming = true;
  EXPECT_STREQ(kind_of(stream), "bidi_stream");
  stream.server_streaming = false;
  EXPECT_STREQ(kind_of(stream), "client_stream");
  EXPECT_STREQ(kind_of(method("a.B/C", MethodKind::kPublished)), "subscription");
  EXPECT_STREQ(kind_of(method("a.B/C", MethodKind::kEvent)), "event");
}

TEST(NodeSeries, KeepsASeriesForEachMethodAndSide) {
  NodeSeries node(kBounds);
  const MethodInfo a = method("acme.v1.Robot/Grip");
  const MethodInfo b = method("acme.v1.Robot/Drop");
  MethodSeries& first = node.method(a, Side::kServer);
  EXPECT_EQ(first.service, "acme.v1.Robot");
  EXPECT_EQ(first.method, "Grip");
  EXPECT_NE(&node.method(a, Side::kCaller), &first);
  EXPECT_NE(&node.method(b, Side::kServer), &first);
  EXPECT_EQ(&node.method(a, Side::kServer), &first);
  EXPECT_EQ(series_in(node), 3u);
}

TEST(NodeSeries, O01_MethodsBeyondTheBoundShareOneSeries) {
  NodeSeries node(kBounds);
  std::deque<std::string> names;
  std::deque<MethodInfo> methods;
  for (std::size_t i = 0; i < 3 * NodeSeries::kMostMethods; ++i) {
    names.push_back("flood.Service/M" + std::to_string(i));
    methods.push_back(method(names.back()));
    node.method(methods.back(), Side::kServer).count(MethodCount::kStarted).add(1);
  }
  EXPECT_EQ(series_in(node), NodeSeries::kMostMethods + 1);
  EXPECT_EQ(node.method(methods.back(), Side::kServer).service, "other");
  EXPECT_EQ(node.method(methods.back(), Side::kServer).count(MethodCount::kStarted).value(),
            2 * NodeSeries::kMostMethods);
  EXPECT_EQ(node.method(methods.front(), Side::kServer).method, "M0");
}

TEST(SeriesTable, AddsUpNodesAndKeepsWhatEndedOnesHaveCounted) {
  SeriesTable table(kBounds);
  const MethodInfo info = method("a.B/C");
  auto first = table.add();
  auto second = table.add();
  for (const auto& node : {first, second}) {
    MethodSeries& series = node->method(info, Side::kServer);
    series.count(MethodCount::kStarted).add(3);
    series.level(MethodLevel::kInFlight).add(1);
    series.handled[5].add(2);
    series.handling.observe(2ms);
    node->sessions_open.add(4);
    node->count(TransportCount::kBytesSent).add(100);
  }
  table.retire(first);
  NodeSeries sum(table.handling_bounds());
  table.add_up(sum);
  std::size_t seen = 0;
  sum.for_each_method([&](const MethodSeries& series) {
    ++seen;
    EXPECT_EQ(series.counts[index(MethodCount::kStarted)].value(), 6u);
    EXPECT_EQ(series.levels[index(MethodLevel::kInFlight)].value(), 1);
    EXPECT_EQ(series.handled[5].value(), 4u);
    EXPECT_EQ(series.handling.count(1), 2u);
  });
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(sum.sessions_open.value(), 4);
  EXPECT_EQ(sum.counts[index(TransportCount::kBytesSent)].value(), 200u);
}

// A call under way holds its series; its node, the plugin and the table may be gone.
TEST(SeriesTable, MayGoBeforeWhatCountsInIt) {
  auto table = std::make_unique<SeriesTable>(kBounds);
  const std::shared_ptr<NodeSeries> series = table->add();
  const MethodInfo info = method("a.B/C");
  MethodSeries& counted = series->method(info, Side::kCaller);
  table.reset();
  counted.handling.observe(2ms);
  EXPECT_EQ(counted.handling.bounds(), kBounds);
}

TEST(SeriesTable, IsReadWhileANodeCounts) {
  SeriesTable table(kBounds);
  auto node = table.add();
  std::deque<std::string> names;
  std::deque<MethodInfo> methods;
  for (int i = 0; i < 300; ++i) {
    names.push_back("a.B/M" + std::to_string(i));
    methods.push_back(method(names.back()));
  }
  std::thread counting([&] {
    for (int round = 0; round < 20; ++round) {
      for (const MethodInfo& info : methods) {
        node->method(info, Side::kCaller).count(MethodCount::kStarted).add(1);
      }
    }
    table.retire(node);
  });
  std::uint64_t last = 0;
  const auto total = [&] {
    NodeSeries sum(table.handling_bounds());
    table.add_up(sum);
    std::uint64_t started = 0;
    sum.for_each_method([&](const MethodSeries& series) {
      started += series.counts[index(MethodCount::kStarted)].value();
    });
    return started;
  };
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t now = total();
    EXPECT_GE(now, last);
    last = now;
  }
  counting.join();
  EXPECT_EQ(total(), 6000u);
}

TEST(JitterBufferShare, AddsWhatIsNewAndTakesItsLevelsBack) {
  MethodSeries series("a.B", "C", "server_stream", Side::kCaller, kBounds);
  {
    JitterBufferShare share(series);
    JitterBufferStats stats;
    share.update(stats);
    EXPECT_EQ(series.level(MethodLevel::kBuffers).value(), 0) << "no buffer, or no frame so far";
    stats.frames_emitted = 10;
    stats.delay_sum = 400ms;
    stats.current_delay = 45ms;
    stats.target_delay = 50ms;
    stats.concealed = 20ms;
    share.update(stats);
    share.update(stats);
    EXPECT_EQ(series.count(MethodCount::kFramesEmitted).value(), 10u);
    EXPECT_EQ(series.count(MethodCount::kDelay).value(), 400'000'000u);
    EXPECT_EQ(series.count(MethodCount::kConcealed).value(), 20'000'000u);
    EXPECT_EQ(series.level(MethodLevel::kBuffers).value(), 1);
    EXPECT_EQ(Duration(series.level(MethodLevel::kDelay).value()), 45ms);
    stats.current_delay = 30ms;
    share.update(stats);
    EXPECT_EQ(Duration(series.level(MethodLevel::kDelay).value()), 30ms);
    // Another buffer took over.
    JitterBufferStats anew;
    anew.frames_emitted = 2;
    anew.delay_sum = 10ms;
    share.update(anew);
    EXPECT_EQ(series.count(MethodCount::kFramesEmitted).value(), 12u);
  }
  EXPECT_EQ(series.level(MethodLevel::kBuffers).value(), 0);
  EXPECT_EQ(series.level(MethodLevel::kDelay).value(), 0);
  EXPECT_EQ(series.level(MethodLevel::kTargetDelay).value(), 0);
}

}  // namespace
}  // namespace echostream::internal
