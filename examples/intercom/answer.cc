// intercom-answer: a station that waits for calls.
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "echostream/config.h"
#include "echostream/http.h"
#include "echostream/reflection.h"

#include "arguments/config_arguments.h"
#include "console.h"
#include "contact.h"
#include "discover.h"
#include "session_recording.h"
#include "station.h"
#include "station_flags.h"

namespace {

using echostream::Loop;
using echostream::Node;
using echostream::Session;
using echostream::Status;
using echostream::Task;
using intercom::Station;

struct Options {
  intercom::StationOptions station;
  std::string listen;
  std::string contact_path;
  bool discover = false;
  bool console = false;
  bool side_door = false;
  bool reflection = false;
  std::uint64_t calls = 1;
};

Task<Status> wait_and_leave(Node& node, Station& station, std::uint64_t calls) {
  co_await station.wait_for_calls(calls);
  co_await node.shutdown(std::chrono::seconds(1));
  co_return Status::ok();
}

// Before the node listens.
Status talk_http(Node& node, const std::optional<echostream::HttpOptions>& configured,
                 const Options& options) {
  if (!configured && !options.console && !options.side_door) return Status::ok();
  echostream::HttpOptions http = configured.value_or(echostream::HttpOptions());
  http.console = http.console || options.console;
  http.tcp_side_door = http.tcp_side_door || options.side_door;
  // No page of somebody else may reach this machine's own station by a name that it made up.
  if (!configured && options.listen.empty()) http.allowed_hosts = {"127.0.0.1", "localhost"};
  return echostream::enable_http(node, http);
}

Status answer(const Options& options, const examples::ConfigArguments& config) {
  auto configuration = config.read();
  if (!configuration) return configuration.error();
  auto loop = echostream::make_loop(echostream::loop_options_from(*configuration));
  if (!loop) return loop.error();
  const std::string& name = options.station.conversation.station;
  auto node_options = echostream::node_options_from(*configuration, (*loop)->wall_time());
  if (!node_options) return node_options.error();
  if (!node_options->identity) {
    auto made = echostream::Identity::self_signed(name, (*loop)->wall_time());
    if (!made) return made.error();
    node_options->identity = *made;
  }
  const echostream::Fingerprint fingerprint = node_options->identity->fingerprint();

  auto station = std::make_shared<Station>(**loop, options.station);
  Node* node_to_use = nullptr;
  node_options->on_session = [&](const Session& session) {
    node_to_use->tasks().spawn(station->follow(session));
  };
  node_options->on_session_closed = [&](const Session& session, const Status&) {
    station->handle_session_closed(session);
  };
  Node node(**loop, *std::move(node_options));
  node_to_use = &node;
  Status status = echostream::add_plugins(*configuration, node);
  if (status.is_ok()) status = node.serve(station);
  if (status.is_ok() && options.reflection) status = echostream::serve_reflection(node);
  if (status.is_ok()) status = intercom::record_sessions(node, options.station.recording_path);
  if (status.is_ok()) {
    status = talk_http(node, echostream::http_options_from(*configuration), options);
  }
  if (status.is_ok()) status = echostream::run(**loop, node.start());
  if (!status.is_ok()) return status;
  // The caller finds one address in the file.
  const std::string anywhere = options.discover ? "[::]:0" : "127.0.0.1:0";
  auto address =
      node.listen(examples::where_to_listen(options.listen, *configuration, anywhere).front());
  if (!address) return address.error();
  if (!options.contact_path.empty()) {
    status = intercom::write_contact(options.contact_path, {address->to_string(), fingerprint});
    if (!status.is_ok()) return status;
  }
  intercom::say(**loop, name, "waits for calls on " + address->to_string());
  if (options.console) {
    intercom::say(**loop, name, "has a console at https://" + address->to_string() + "/");
  }
  std::unique_ptr<intercom::Announced> announced;
  if (options.discover) {
    auto done = intercom::announce_station(
        node, name, [&](const std::string& text) { intercom::say(**loop, name, text); });
    if (!done) return done.error();
    announced = *std::move(done);
  }

  auto signals = (*loop)->watch_stop_signals([&](int) { station->stop(); });
  if (!signals) return signals.error();
  return echostream::run(**loop, wait_and_leave(node, *station, options.calls));
}

}  // namespace

int main(int argument_count, char** arguments) {
  Options options;
  options.station.conversation.station = "kitchen";
  examples::Arguments flags("intercom-answer",
                            "An intercom station that waits for calls and answers them. It makes a "
                            "new identity.\nCallers read its address and fingerprint from a file, "
                            "or find it on the local network.");
  flags.text("--listen", "ADDRESS",
             "where to listen; port 0: any [127.0.0.1:0; with --discover [::]:0]", options.listen);
  flags.text("--contact", "FILE", "where to write address and fingerprint", options.contact_path);
  flags.on("--discover", "announce it on the local network by its --name", options.discover);
  flags.on("--console", "serve a page that shows the station (docs/console.md)", options.console);
  flags.on("--tcp-side-door",
           "let browsers in over TCP as well, on the same port (docs/http.md, \"The side door\")",
           options.side_door);
  flags.on("--reflection", "tell tools what it serves (echostream list)", options.reflection);
  flags.duration("--answer-after", "how long it rings [700ms]", options.station.answer_after);
  flags.whole_number("--calls", "ends after that many calls [1]", options.calls);
  examples::ConfigArguments config(flags);
  if (const auto exit_code =
          intercom::parse_station_flags(flags, argument_count, arguments, options.station)) {
    return *exit_code;
  }
  if (options.contact_path.empty() && !options.discover) {
    std::cerr << "intercom-answer: how shall callers find it? Give --contact FILE or --discover\n";
    return 2;
  }

  const Status status = answer(options, config);
  if (status.is_ok()) return 0;
  std::cerr << "intercom-answer: " << status << '\n';
  return 1;
}
