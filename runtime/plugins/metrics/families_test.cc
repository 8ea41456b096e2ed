#include "runtime/plugins/metrics/families.h"

#include <gmock/gmock.h>
#include <prometheus/counter.h>

#include <cstdlib>
#include <fstream>

#include "echostream/plugins/metrics.h"

#include "runtime/plugins/metrics/series_table.h"

namespace echostream::internal {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using Side = InterceptedCall::Side;

MethodInfo grip() {
  MethodInfo info;
  info.full_name = "acme.v1.Robot/Grip";
  info.name = "Grip";
  return info;
}

class Page : public ::testing::Test {
 protected:
  Page() {
    MethodSeries& series = node_->method(method_, Side::kServer);
    series.count(MethodCount::kStarted).add(3);
    series.handled[0].add(2);
    series.handled[static_cast<std::size_t>(StatusCode::kNotFound)].add(1);
    series.handling.observe(300us);
    series.handling.observe(2s);
  }
  const MethodInfo method_ = grip();
  MetricsRegistry registry_;
  std::shared_ptr<NodeSeries> node_ = registry_.table()->add();
};

TEST_F(Page, NamesMethodsCodesAndTimes) {
  const std::string text = registry_.to_text();
  EXPECT_THAT(text, HasSubstr("# TYPE echostream_server_started_total counter\n"
                              "echostream_server_started_total{service=\"acme.v1.Robot\","
                              "method=\"Grip\",kind=\"rpc\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("echostream_server_handled_total{service=\"acme.v1.Robot\","
                              "method=\"Grip\",kind=\"rpc\",code=\"NOT_FOUND\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("echostream_server_handling_seconds_bucket{service=\"acme.v1.Robot\","
                              "method=\"Grip\",kind=\"rpc\",le=\"0.0005\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kind=\"rpc\",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("echostream_build_info{"));
  EXPECT_THAT(text, Not(HasSubstr("echostream_client_started_total")));
}

TEST_F(Page, LeavesOutCodesAndBuffersThatNeverWere) {
  const std::string text = registry_.to_text();
  EXPECT_THAT(text, Not(HasSubstr("code=\"INTERNAL\"")));
  EXPECT_THAT(text, Not(HasSubstr("jitter_buffer")));
  node_->method(method_, Side::kServer).count(MethodCount::kConcealed).add(20'000'000);
  EXPECT_THAT(registry_.to_text(),
              HasSubstr("echostream_server_jitter_buffer_concealed_seconds_total{service="
                        "\"acme.v1.Robot\",method=\"Grip\",kind=\"rpc\"} 0.02\n"));
}

TEST_F(Page, ShowsTheFamiliesOfTheProgramToo) {
  auto& family =
      prometheus::BuildCounter().Name("acme_grips_total").Help("Grips.").Register(registry_);
  family.Add({{"arm", "left"}}).Increment(7);
  EXPECT_THAT(registry_.to_text(), HasSubstr("acme_grips_total{arm=\"left\"} 7\n"));
}

TEST_F(Page, PassesPromtool) {
  if (std::system("promtool --version >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "NOT TESTED: promtool is missing; scripts/setup installs it";
  }
  // Every family there is.
  for (const Side side : {Side::kServer, Side::kCaller}) {
    MethodSeries& series = node_->method(method_, side);
    for (Count& count : series.counts) count.add(1);
    for (Count& count : series.handled) count.add(1);
    for (Level& level : series.levels) level.add(1);
  }
  for (Count& count : node_->counts) count.add(1);
  node_->rtt.observe(1ms);
  const std::string path = ::testing::TempDir() + "echostream_page.prom";
  std::ofstream(path) << registry_.to_text();
  EXPECT_EQ(std::system(("promtool check metrics < " + path).c_str()), 0);
}

}  // namespace
}  // namespace echostream::internal
