// The figures of one run, as lines for a person and as JSON for run_bench.py.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// The value below which `fraction` (0 to 1) of the samples lie, by the nearest-rank method. Sorts
/// the samples; there must be some.
double percentile(std::vector<double>& samples, double fraction);

/// CPU time of both processes, at one moment or between two.
struct CpuTimes {
  double client = 0;
  double server = 0;
};

class Report {
 public:
  explicit Report(std::string system) : system_(std::move(system)) {}

  /// One figure of one row: add("unary_latency", "p50_us", 61.2). Figures of a row are added one
  /// after the other.
  void add(const std::string& row, const std::string& metric, double value);
  /// p50, p99 and number of some times in microseconds; their names begin with `prefix`. Sorts
  /// them.
  void add_times(const std::string& row, std::vector<double>& samples_us,
                 const std::string& prefix = {});
  /// What `operations` operations cost, by what both ends had used before and after them.
  void add_cpu(const std::string& row, CpuTimes before, CpuTimes after, std::uint64_t operations);
  void print() const;
  /// False when the file cannot be written.
  bool write_json(const std::string& path) const;

 private:
  struct Row {
    std::string name;
    std::vector<std::pair<std::string, double>> metrics;
  };
  std::string system_;
  std::vector<Row> rows_;
};

}  // namespace bench
