// echostream_bench_client: measures an echostream_bench_server.
#include <chrono>
#include <cstdio>
#include <utility>

#include "bench/echostream/client.h"
#include "bench/echostream/plugins.h"
#include "bench/echostream/thin_layers.h"
#include "bench/support/process_usage.h"

namespace bench {
namespace {

int fail(const echostream::Status& status) {
  std::fprintf(stderr, "echostream_bench_client: %s\n", status.to_string().c_str());
  return 1;
}

int run(const ClientOptions& options) {
  raise_file_limit();
  auto fingerprint = echostream::Fingerprint::parse(options.credential);
  if (!fingerprint) return fail(fingerprint.error());
  auto loop = echostream::make_loop({std::chrono::microseconds(options.busy_poll_us)});
  if (!loop) return fail(loop.error());
  echostream::NodeOptions node_options;
  node_options.max_udp_payload_bytes = options.max_udp_payload;
  node_options.trust = echostream::Trust::pinned({*fingerprint});
  echostream::Node node(**loop, std::move(node_options));
  add_thin_layers(node, options.middleware);
  Report report("echostream");
  Client client(node, options, report);
  if (auto added = add_plugins(node, options.plugins); !added.is_ok()) return fail(added);
  const echostream::Status status = echostream::run(**loop, client.run());
  report.print();
  if (!status.is_ok()) return fail(status);
  if (!options.json.empty() && !report.write_json(options.json)) {
    std::fprintf(stderr, "echostream_bench_client: cannot write %s\n", options.json.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::ClientProgram program{"echostream_bench_client", "--fingerprint",
                                     "HEX, as the server prints it", true};
  int exit_code = 0;
  const auto options = bench::parse_client_options(argc, argv, program, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  return bench::run(*options);
}
