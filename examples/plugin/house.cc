// A node with one plugin, until Ctrl-C. Where the plugin comes from is house_plugin()'s business.
#include "house.h"

#include <iostream>
#include <string>

#include "echostream/node.h"

#include "arguments/arguments.h"

using echostream::LogLevel;
using echostream::Node;
using echostream::Status;
using echostream::Task;

namespace {

// Node::start() says why a plugin does not start; listen() alone would only refuse sessions.
Task<Status> open_house(Node& node, std::string address) {
  Status started = co_await node.start();
  if (!started.is_ok()) co_return started;
  auto bound = node.listen(address);
  if (bound) std::cout << "listening on " << bound->to_string() << std::endl;
  co_return bound.status();
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::string address = "127.0.0.1:4433";
  std::string settings = "{}";
  examples::Arguments flags("house", "A node whose plugin keeps a guest book, until Ctrl-C.");
  flags.text("--listen", "ADDRESS", "where to listen [127.0.0.1:4433]", address);
  flags.text("--settings", "JSON", R"(of the plugin, as {"mostGuests": 2} [{}])", settings);
  HousePlugin source(flags);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "house: " << status << '\n';
    return 1;
  };

  auto plugin = source.make();
  if (!plugin) return fail(plugin.error());
  if (Status status = (*plugin)->configure(settings); !status.is_ok()) return fail(status);

  auto loop = echostream::make_loop();
  if (!loop) return fail(loop.error());
  auto identity = echostream::Identity::self_signed("house", (*loop)->wall_time());
  if (!identity) return fail(identity.error());
  echostream::NodeOptions options;
  options.identity = *identity;
  options.log = [](LogLevel, std::string_view line) { std::cout << line << std::endl; };
  Node node(**loop, std::move(options));
  if (Status status = node.add_plugin(*plugin); !status.is_ok()) return fail(status);

  std::cout << "fingerprint " << identity->fingerprint().to_string() << std::endl;
  const Status opened = echostream::run(**loop, open_house(node, address));
  if (!opened.is_ok()) return fail(opened);
  auto signals = (*loop)->watch_stop_signals([&loop](int) { (*loop)->stop(); });
  if (!signals) return fail(signals.error());
  (*loop)->run();
  echostream::run(**loop, node.shutdown(std::chrono::seconds(1)));
}
