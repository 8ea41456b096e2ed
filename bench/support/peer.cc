#include "bench/support/peer.h"

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "bench/support/process_usage.h"
#include "bench/support/report.h"

namespace bench {
namespace {

using Clock = Budget::Clock;

class Rows {
 public:
  Rows(const ClientOptions& options, Peer& peer, Report& report)
      : options_(options), peer_(peer), report_(report) {}

  Failure run() {
    using Row = Failure (Rows::*)();
    const std::pair<const char*, Row> rows[] = {{kUnaryLatency, &Rows::unary_latency},
                                                {kUnaryThroughput, &Rows::unary_throughput},
                                                {kEvents, &Rows::events},
                                                {kMessages, &Rows::messages},
                                                {kBulk, &Rows::bulk},
                                                {kHandshake, &Rows::handshake},
                                                {kMemory, &Rows::memory},
                                                {kLoss, &Rows::loss}};
    for (const auto& [name, row] : rows) {
      if (!options_.wants(name) || !peer_.has(name)) continue;
      if (Failure failure = (this->*row)(); !failure.empty()) {
        return std::string(name) + ": " + failure;
      }
    }
    return {};
  }

 private:
  Failure warm_up() {
    for (std::uint64_t i = 0; i < kWarmUpCalls; ++i) {
      if (Failure failure = peer_.echo(); !failure.empty()) return failure;
    }
    return {};
  }

  // What both ends have used of the CPU so far.
  Failure cpu_times(CpuTimes& times) {
    ServerUsage usage;
    Failure failure = peer_.usage(usage);
    times.client = cpu_seconds();
    times.server = usage.cpu_seconds;
    return failure;
  }

  Failure report_cpu(const char* row, CpuTimes before, std::uint64_t operations) {
    CpuTimes after;
    Failure failure = cpu_times(after);
    if (failure.empty()) report_.add_cpu(row, before, after, operations);
    return failure;
  }

  // How long `operation` takes, again and again.
  template <class Operation>
  Failure latency(const char* row, Operation operation) {
    std::vector<double> samples;
    Budget budget(options_);
    while (budget.take()) {
      const auto start = Clock::now();
      if (Failure failure = operation(); !failure.empty()) return failure;
      samples.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    report_.add_times(row, samples);
    return {};
  }

  Failure unary_latency() {
    if (Failure failure = warm_up(); !failure.empty()) return failure;
    return latency(kUnaryLatency, [this] { return peer_.echo(); });
  }

  Failure unary_throughput() {
    if (Failure failure = warm_up(); !failure.empty()) return failure;
    CpuTimes before;
    if (Failure failure = cpu_times(before); !failure.empty()) return failure;
    Budget budget(options_);
    std::uint64_t done = 0;
    if (Failure failure = peer_.echo_many(options_.outstanding, budget, done); !failure.empty()) {
      return failure;
    }
    if (done == 0) return "no call was answered";
    report_.add(kUnaryThroughput, "calls_per_s",
                static_cast<double>(done) / budget.elapsed_seconds());
    return report_cpu(kUnaryThroughput, before, done);
  }

  Failure events() { return upload(kEvents, kMessageBytes); }
  Failure messages() { return upload(kMessages, kMessageBytes); }
  Failure bulk() { return upload(kBulk, kBulkBytes); }

  Failure upload(const char* row, std::size_t bytes) {
    if (Failure failure = warm_up(); !failure.empty()) return failure;
    CpuTimes before;
    if (Failure failure = cpu_times(before); !failure.empty()) return failure;
    Budget budget(options_);
    std::uint64_t sent = 0;
    if (Failure failure = peer_.upload(bytes, budget, sent); !failure.empty()) return failure;
    if (sent == 0) return "nothing was sent";
    const double seconds = budget.elapsed_seconds();
    report_.add(row, "messages_per_s", static_cast<double>(sent) / seconds);
    report_.add(row, "mb_per_s", 1e-6 * static_cast<double>(sent * bytes) / seconds);
    return report_cpu(row, before, sent);
  }

  Failure handshake() {
    return latency(kHandshake, [this] { return peer_.echo_on_new_connection(false); });
  }

  Failure memory() {
    const std::size_t few = options_.sessions / 5;
    double few_bytes = 0;
    double many_bytes = 0;
    if (Failure failure = hold(few, few_bytes); !failure.empty()) return failure;
    if (Failure failure = hold(options_.sessions, many_bytes); !failure.empty()) return failure;
    report_.add(kMemory, "kib_per_session",
                (many_bytes - few_bytes) / 1024 / static_cast<double>(options_.sessions - few));
    report_.add(kMemory, "sessions", static_cast<double>(options_.sessions));
    return {};
  }

  Failure hold(std::size_t count, double& server_bytes) {
    for (; held_ < count; ++held_) {
      if (Failure failure = peer_.echo_on_new_connection(true); !failure.empty()) return failure;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // until they are idle
    ServerUsage usage;
    Failure failure = peer_.usage(usage);
    server_bytes = usage.resident_bytes;
    return failure;
  }

  Failure loss() {
    std::vector<double> ages_us;
    Budget budget(options_);
    if (Failure failure = peer_.send_media(budget, ages_us); !failure.empty()) return failure;
    if (ages_us.empty()) return "no frame arrived";
    report_.add_times(kLoss, ages_us, "reliable_");
    return {};
  }

  const ClientOptions& options_;
  Peer& peer_;
  Report& report_;
  std::size_t held_ = 0;
};

}  // namespace

int run_peer(int argc, char** argv, const ClientProgram& program, const char* system,
             const MakePeer& make) {
  int exit_code = 0;
  const auto options = parse_client_options(argc, argv, program, exit_code);
  if (!options) return exit_code;
  limit_lifetime(options->lifetime_seconds);
  raise_file_limit();
  Report report(system);
  Failure failure;
  if (auto peer = make(*options, failure)) failure = Rows(*options, *peer, report).run();
  report.print();
  if (!failure.empty()) {
    std::fprintf(stderr, "%s: %s\n", program.name, failure.c_str());
    return 1;
  }
  if (!options->json.empty() && !report.write_json(options->json)) {
    std::fprintf(stderr, "%s: cannot write %s\n", program.name, options->json.c_str());
    return 1;
  }
  return 0;
}

}  // namespace bench
