#include "bench/support/report.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace bench {
namespace {

TEST(Percentile, IsTheNearestRank) {
  std::vector<double> samples;
  for (int i = 100; i >= 1; --i) samples.push_back(i);
  EXPECT_EQ(percentile(samples, 0.5), 50);
  EXPECT_EQ(percentile(samples, 0.99), 99);
  EXPECT_EQ(percentile(samples, 1), 100);
  EXPECT_EQ(percentile(samples, 0), 1);
  std::vector<double> one = {7};
  EXPECT_EQ(percentile(one, 0.99), 7);
}

TEST(Report, WritesWhatRunBenchReads) {
  Report report("sample");
  std::vector<double> times = {1, 2, 3, 4};
  report.add_times("latency", times, "far_");
  report.add_cpu("calls", {1.0, 2.0}, {1.5, 2.25}, 50'000);
  const std::string path = ::testing::TempDir() + "/bench_report_test.json";
  ASSERT_TRUE(report.write_json(path));
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::remove(path.c_str());
  EXPECT_EQ(text.str(),
            "{\"system\": \"sample\", \"rows\": {\n"
            "  \"latency\": {\"far_p50_us\": 2, \"far_p99_us\": 4, \"far_samples\": 4},\n"
            "  \"calls\": {\"cpu_s_per_100k\": 1.5, \"client_cpu_s_per_100k\": 1, "
            "\"server_cpu_s_per_100k\": 0.5}\n"
            "}}\n");
}

TEST(Report, SaysWhenItCannotBeWritten) {
  EXPECT_FALSE(Report("sample").write_json("/nowhere/at/all.json"));
}

}  // namespace
}  // namespace bench
