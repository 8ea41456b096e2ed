// A node that serves the Lab over real sockets, to our own protocol and to HTTP/3: for other
// people's clients.
//   gateway_lab_server --certificate FILE --key FILE [--lifetime SECONDS] [--tcp-side-door on]
// Prints "listening PORT", and ends with the signal that stops it. With the side door it has the
// console as well.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "echostream/http.h"
#include "echostream/reflection.h"

#include "tests/support/lab.h"

namespace {

using echostream::Status;

int fail(const Status& status) {
  std::fprintf(stderr, "gateway_lab_server: %s\n", status.to_string().c_str());
  return 1;
}

std::string argument(int argc, char** argv, const char* name) {
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], name) == 0) return argv[i + 1];
  }
  return {};
}

echostream::Task<void> stop_after(echostream::Loop& loop, long seconds) {
  (void)co_await echostream::sleep_for(std::chrono::seconds(seconds));
  loop.stop();
}

int run(int argc, char** argv) {
  auto loop = echostream::make_loop();
  if (!loop) return fail(loop.error());
  auto identity = echostream::Identity::from_pem_files(argument(argc, argv, "--certificate"),
                                                       argument(argc, argv, "--key"));
  if (!identity) return fail(identity.error());
  echostream::NodeOptions options;
  options.identity = *identity;
  echostream::Node node(**loop, options);
  auto handler = std::make_shared<echostream::testing::LabHandler>();
  if (Status status = node.serve(handler); !status.is_ok()) return fail(status);
  if (Status status = echostream::serve_reflection(node); !status.is_ok()) return fail(status);
  echostream::HttpOptions http;
  http.allowed_origins = {"https://console.example"};
  http.tcp_side_door = argument(argc, argv, "--tcp-side-door") == "on";
  http.console = http.tcp_side_door;
  if (Status status = echostream::enable_http(node, http); !status.is_ok()) return fail(status);
  auto address = node.listen("[::]:0");
  if (!address) address = node.listen("127.0.0.1:0");
  if (!address) return fail(address.error());
  auto signals = (*loop)->watch_stop_signals([&](int) { (*loop)->stop(); });
  if (!signals) return fail(signals.error());
  const std::string lifetime = argument(argc, argv, "--lifetime");
  if (!lifetime.empty()) {
    node.tasks().spawn(stop_after(**loop, std::strtol(lifetime.c_str(), nullptr, 10)));
  }
  std::printf("listening %u\n", static_cast<unsigned>(address->port()));
  std::fflush(stdout);
  (*loop)->run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc, argv); }
