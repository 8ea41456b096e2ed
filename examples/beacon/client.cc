// Follows a beacon for as long as it takes, through its restarts.
#include <chrono>
#include <iostream>

#include "echostream/config.h"
#include "echostream/node.h"

#include "arguments/config_arguments.h"
#include "beacon.echostream.h"

using echostream::ConnectionState;
using echostream::ConnectionStatus;
using echostream::Node;
using echostream::PersistentSession;
using echostream::Status;
using echostream::Task;
using namespace std::chrono_literals;

void show_state(const PersistentSession&, const ConnectionStatus& status) {
  switch (status.state) {
    case ConnectionState::kConnecting:
      std::cout << "connecting" << std::endl;
      break;
    case ConnectionState::kConnected:
      std::cout << "connected" << std::endl;
      break;
    case ConnectionState::kWaiting:
      std::cout << "waiting: " << status.last_error << std::endl;
      break;
    case ConnectionState::kClosed:
      std::cout << "closed: " << status.last_error << std::endl;
      break;
  }
}

Task<Status> follow(PersistentSession session, std::uint64_t most) {
  auto beacon = session.client<beacon::v1::Beacon>();
  beacon::v1::Filter everything;
  auto ticks = co_await beacon.Ticks(everything);
  std::uint64_t seen = 0;
  while (auto frame = co_await ticks.next()) {
    if (frame->resumed) {
      beacon::v1::WhoRequest question;
      auto who = co_await beacon.Who(question);
      std::cout << "back after " << frame->resumed->away / 1ms << " ms";
      if (who) std::cout << ", now process " << who->process();
      std::cout << std::endl;
    }
    std::cout << "tick " << frame->message.number() << std::endl;
    if (++seen == most) co_return Status::ok();
  }
  co_return ticks.status();
}

int main(int argument_count, char** arguments) {
  std::string address;
  std::string fingerprint;
  std::uint64_t most = 0;
  examples::Arguments flags("beacon-client", "Follows a beacon, through its restarts.");
  flags.text("--to", "ADDRESS", "the server [127.0.0.1:4434]", address);
  flags.text("--fingerprint", "HEX", "the server's, as it printed it", fingerprint);
  flags.whole_number("--ticks", "how many to follow; 0 is without end [0]", most);
  examples::ConfigArguments config(flags);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "beacon-client: " << status << '\n';
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
  const auto& said = configuration->message().node();
  // A server that is killed says nothing: this is how long it takes to notice.
  if (!said.has_idle_timeout_ms()) options->idle_timeout = 5s;
  if (!said.has_keep_alive_interval_ms()) options->keep_alive_interval = 1500ms;
  Node node(**loop, *std::move(options));
  Status added = echostream::add_plugins(*configuration, node);
  if (!added.is_ok()) return fail(added);

  const auto server = examples::whom_to_dial(address, *configuration, "127.0.0.1:4434");
  echostream::ReconnectOptions reconnect = echostream::reconnect_options_from(server);
  if (!server.reconnect().has_attempt_timeout_ms()) reconnect.attempt_timeout = 2s;
  if (!server.reconnect().has_max_delay_ms()) reconnect.max_delay = 3s;
  reconnect.on_state_change = show_state;
  auto session = node.keep_connected(server.target(), reconnect);
  if (!session) return fail(session.error());
  const Status status = echostream::run(**loop, follow(*session, most));
  return status.is_ok() ? 0 : fail(status);
}
