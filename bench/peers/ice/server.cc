// The benchmark's service over ZeroC Ice with its ssl transport.
#include <cstdio>
#include <memory>
#include <utility>

#include "Bench.h"
#include "bench/peers/ice/communicator.h"
#include "bench/support/process_usage.h"
#include "bench/support/server_options.h"

namespace bench::ice {
namespace {

using Piece = std::pair<const Ice::Byte*, const Ice::Byte*>;

// Called by the one thread of the server's pool.
class Handler final : public slice::Work {
 public:
  slice::Bytes echo(Piece payload, const Ice::Current&) override {
    return slice::Bytes(payload.first, payload.second);
  }
  void write(Piece payload, const Ice::Current&) override {
    ++counted_.messages;
    counted_.bytes += payload.second - payload.first;
  }
  slice::Counted count(const Ice::Current&) override { return counted_; }
  slice::Usage getUsage(const Ice::Current&) override {
    return {cpu_seconds(), static_cast<Ice::Long>(resident_bytes())};
  }

 private:
  slice::Counted counted_{0, 0};
};

void run(const ServerOptions& options) {
  raise_file_limit();
  const Ice::CommunicatorHolder communicator(make_communicator(options.certificate, options.key));
  auto adapter =
      communicator->createObjectAdapterWithEndpoints("bench", endpoint_of(options.listen));
  adapter->add(std::make_shared<Handler>(), Ice::stringToIdentity("bench"));
  adapter->activate();
  const auto endpoint = std::dynamic_pointer_cast<Ice::IPEndpointInfo>(
      adapter->getPublishedEndpoints().at(0)->getInfo()->underlying);
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  std::printf("listening %s:%d\n", host.c_str(), endpoint->port);
  std::fflush(stdout);
  communicator->waitForShutdown();
}

}  // namespace
}  // namespace bench::ice

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options =
      bench::parse_server_options(argc, argv, "echostream_bench_ice_server", true, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  // Ice reports by exceptions.
  try {
    bench::ice::run(*options);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "echostream_bench_ice_server: %s\n", exception.what());
    return 1;
  }
  return 0;
}
