// echostream-relay: a bad network between two programs, on one machine.
#include <iostream>
#include <utility>

#include "arguments/config_arguments.h"
#include "relay.h"

namespace {

using echostream::Loop;
using echostream::Result;
using echostream::SocketAddress;
using echostream::Status;

void print(std::string_view direction, const relay::LinkStats& stats) {
  std::cout << direction << ": " << stats.received << " received, " << stats.forwarded
            << " forwarded, " << stats.lost << " lost, " << stats.queue_full << " queue full, "
            << stats.duplicated << " duplicated, " << stats.reordered << " reordered\n";
}

Status forward(const std::string& listen, const std::string& target, relay::RelayOptions options,
               const examples::ConfigArguments& config) {
  auto configuration = config.read();
  if (!configuration) return configuration.error();
  auto listen_address = SocketAddress::parse(
      examples::where_to_listen(listen, *configuration, "127.0.0.1:0").front());
  if (!listen_address) return listen_address.error().with_context("--listen");
  auto target_address = SocketAddress::parse(target);
  if (!target_address) return target_address.error().with_context("--to");
  options.listen = *listen_address;
  options.target = *target_address;

  auto loop = echostream::make_loop(echostream::loop_options_from(*configuration));
  if (!loop) return loop.error();
  auto opened = relay::Relay::open(**loop, options);
  if (!opened) return opened.error();
  const relay::Relay& running = **opened;
  auto signals = (*loop)->watch_stop_signals([&loop](int) { (*loop)->stop(); });
  if (!signals) return signals.error();

  // Flushed: whoever started us reads the port from this line.
  std::cout << "listening on " << running.address().to_string() << std::endl;
  (*loop)->run();

  print("to target", running.to_target());
  print("to clients", running.to_clients());
  std::cout << running.client_count() << " clients, " << running.refused()
            << " datagrams refused by this machine\n";
  return Status::ok();
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::string listen;
  std::string target;
  relay::RelayOptions options;
  examples::Arguments flags(
      "echostream-relay",
      "Forwards UDP datagrams to a target, and its answers back, as a bad network would. Every\n"
      "source port is a client of its own. The first line of output says where it listens; it "
      "ends\n"
      "on SIGTERM or SIGINT and prints what it did. Each flag below holds for both directions. "
      "All\n"
      "clients share the link. Equal seeds treat the n-th datagram of a direction equally.");
  flags.text("--listen", "ADDRESS", "where clients send to; port 0: any [127.0.0.1:0]", listen);
  flags.text("--to", "ADDRESS", "the target, a numeric address with port", target);
  flags.required();
  flags.duration("--delay", "one-way delay, like 30ms [0]", options.link.delay);
  flags.duration("--jitter", "up to that much more, drawn for each datagram [0]",
                 options.link.jitter);
  flags.percent("--loss", "datagrams lost [0]", options.link.loss);
  flags.percent("--duplicate", "datagrams that arrive twice [0]", options.link.duplicate);
  flags.percent("--reorder", "datagrams held back, so that later ones overtake [0]",
                options.link.reorder);
  flags.duration("--reorder-by", "how long they are held back [10ms]", options.link.reorder_by);
  flags.bit_rate("--rate", "bits of UDP payload per second; 0: no limit [0]",
                 options.link.rate_bits_per_s);
  flags.whole_number("--queue", "bytes that may wait for the rate [262144]",
                     options.link.queue_bytes);
  flags.whole_number("--seed", "for all that is left to chance [1]", options.seed);
  examples::ConfigArguments config(flags);  // of which it needs `loop` and the first of `listen`
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;

  const Status status = forward(listen, target, std::move(options), config);
  if (status.is_ok()) return 0;
  std::cerr << "echostream-relay: " << status.message() << '\n';
  return 1;
}
