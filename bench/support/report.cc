#include "bench/support/report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <fstream>

namespace bench {

double percentile(std::vector<double>& samples, double fraction) {
  std::sort(samples.begin(), samples.end());
  const double rank = std::ceil(fraction * static_cast<double>(samples.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return samples[std::min(index, samples.size() - 1)];
}

void Report::add(const std::string& row, const std::string& metric, double value) {
  if (rows_.empty() || rows_.back().name != row) rows_.push_back({row, {}});
  rows_.back().metrics.emplace_back(metric, value);
}

void Report::add_times(const std::string& row, std::vector<double>& samples_us,
                       const std::string& prefix) {
  add(row, prefix + "p50_us", percentile(samples_us, 0.5));
  add(row, prefix + "p99_us", percentile(samples_us, 0.99));
  add(row, prefix + "samples", static_cast<double>(samples_us.size()));
}

void Report::add_cpu(const std::string& row, CpuTimes before, CpuTimes after,
                     std::uint64_t operations) {
  const double per_100k = 1e5 / static_cast<double>(operations);
  const double client = after.client - before.client;
  const double server = after.server - before.server;
  add(row, "cpu_s_per_100k", (client + server) * per_100k);
  add(row, "client_cpu_s_per_100k", client * per_100k);
  add(row, "server_cpu_s_per_100k", server * per_100k);
}

void Report::print() const {
  for (const Row& row : rows_) {
    std::printf("%s %s:", system_.c_str(), row.name.c_str());
    for (const auto& [metric, value] : row.metrics) std::printf(" %s=%.6g", metric.c_str(), value);
    std::printf("\n");
  }
}

bool Report::write_json(const std::string& path) const {
  std::ofstream out(path);
  out.precision(9);
  out << "{\"system\": \"" << system_ << "\", \"rows\": {";
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    out << (i == 0 ? "\n" : ",\n") << "  \"" << rows_[i].name << "\": {";
    for (std::size_t j = 0; j < rows_[i].metrics.size(); ++j) {
      const auto& [metric, value] = rows_[i].metrics[j];
      out << (j == 0 ? "" : ", ") << "\"" << metric << "\": " << value;
    }
    out << "}";
  }
  out << "\n}}\n";
  out.close();
  return !out.fail();
}

}  // namespace bench
