// Calls each method of hello.v1.Greeter once.
#include <iostream>

#include "echostream/config.h"
#include "echostream/node.h"

#include "arguments/config_arguments.h"
#include "hello.echostream.h"

using echostream::Node;
using echostream::Status;
using echostream::Task;

Task<Status> talk(Node& node, echostream::config::PeerConfig server, std::string name) {
  // With a ticket of an earlier run Greet leaves with the handshake's first packet; what is not
  // idempotent waits for its end. Without one this waits here.
  echostream::ConnectOptions connect = echostream::connect_options_from(server);
  if (!server.connect().has_early_data()) connect.early_data = connect.resume;
  auto session = co_await node.connect(server.target(), connect);
  if (!session) co_return session.error();
  auto greeter = session->client<hello::v1::Greeter>();

  hello::v1::GreetRequest request;
  request.set_name(name);
  auto reply = co_await greeter.Greet(request);
  if (!reply) co_return reply.error();
  const bool was_early = session->early_data_accepted().value_or(false);
  std::cout << reply->text() << (was_early ? " (after one round trip)" : "") << '\n';

  hello::v1::Wave wave;
  wave.set_name(name);
  Status sent = co_await greeter.Waved(wave);
  if (!sent.is_ok()) co_return sent;

  hello::v1::CountRequest count;
  count.set_to(3);
  auto numbers = co_await greeter.Count(count);
  while (auto frame = co_await numbers.next()) std::cout << frame->message.value() << '\n';
  if (!numbers.status().is_ok()) co_return numbers.status();

  co_await node.shutdown(std::chrono::seconds(1));
  co_return Status::ok();
}

int main(int argument_count, char** arguments) {
  std::string address;
  std::string fingerprint;
  std::string tickets;
  std::string name = "world";
  examples::Arguments flags("hello-client",
                            "Greets, waves, and asks the server to count to three.");
  flags.text("--to", "ADDRESS", "the server [127.0.0.1:4433]", address);
  flags.text("--fingerprint", "HEX", "the server's, as it printed it", fingerprint);
  flags.text("--tickets", "FILE", "keeps the server's tickets for a quicker start [none]", tickets);
  flags.text("--name", "NAME", "who is greeted [world]", name);
  examples::ConfigArguments config(flags);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "hello-client: " << status << '\n';
    return 1;
  };

  auto configuration = config.read();
  if (!configuration) return fail(configuration.error());
  auto loop = echostream::make_loop(echostream::loop_options_from(*configuration));
  if (!loop) return fail(loop.error());
  auto options = echostream::node_options_from(*configuration, (*loop)->wall_time());
  if (!options) return fail(options.error());
  Status trusted = examples::believe(fingerprint, *options);
  if (!trusted.is_ok()) return fail(trusted);
  if (!tickets.empty()) {
    auto cache = echostream::make_file_ticket_cache(tickets);
    if (!cache) return fail(cache.error());
    options->ticket_cache = *cache;
  }
  Node node(**loop, *std::move(options));
  Status added = echostream::add_plugins(*configuration, node);
  if (!added.is_ok()) return fail(added);

  const auto server = examples::whom_to_dial(address, *configuration, "127.0.0.1:4433");
  const Status status = echostream::run(**loop, talk(node, server, name));
  return status.is_ok() ? 0 : fail(status);
}
