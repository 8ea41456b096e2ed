// intercom-call: a station that calls another one, speaks, and hangs up.
#include <iostream>
#include <memory>
#include <utility>

#include "echostream/config.h"

#include "arguments/config_arguments.h"
#include "console.h"
#include "contact.h"
#include "discover.h"
#include "report.h"
#include "session_recording.h"
#include "station.h"
#include "station_flags.h"

namespace {

using echostream::Loop;
using echostream::Node;
using echostream::Result;
using echostream::Session;
using echostream::Status;
using echostream::Task;
using echostream::Trust;
using intercom::Station;

struct Options {
  intercom::StationOptions station;
  std::string contact_path;
  bool discover = false;
  std::string known_peers = "known_peers";
  std::string to;
  double seconds = 12;
};

// The exit code of a call that the other station did not take.
constexpr int kRefused = 3;

Task<Status> call(Node& node, Station& station, std::string address,
                  echostream::ConnectOptions connect) {
  auto session = co_await node.connect(address, connect);
  if (!session) co_return session.error();
  node.tasks().spawn(station.follow(*session));
  auto theirs = co_await station.call(*session);
  const echostream::SessionStats stats = session->stats();
  if (!theirs) {
    intercom::say(node.loop(), station.name(), "gets no call: " + theirs.error().to_string());
  }
  co_await node.shutdown(std::chrono::milliseconds(500));
  if (!theirs) co_return theirs.error();
  std::cout << intercom::report_table(station.last_report(), *theirs, stats) << std::flush;
  co_return Status::ok();
}

struct Callee {
  std::string target;
  Trust trust;
};

// Where the other station is comes from its contact or the network, who it is from its contact or
// the stations that are known; never from the network.
Result<Callee> whom_to_call(const Options& options) {
  if (options.contact_path.empty()) {
    auto trust = intercom::trust_known_stations(options.known_peers);
    if (!trust) return trust.error();
    return Callee{intercom::target_of(options.to), *trust};
  }
  auto contact = intercom::read_contact(options.contact_path);
  if (!contact) return contact.error();
  return Callee{options.discover ? intercom::target_of(options.to) : contact->address,
                Trust::pinned({contact->fingerprint})};
}

Status call(const Options& options, const examples::ConfigArguments& config) {
  auto configuration = config.read();
  if (!configuration) return configuration.error();
  auto callee = whom_to_call(options);
  if (!callee) return callee.error();
  auto loop = echostream::make_loop(echostream::loop_options_from(*configuration));
  if (!loop) return loop.error();
  auto station = std::make_shared<Station>(**loop, options.station);
  auto node_options = echostream::node_options_from(*configuration, (*loop)->wall_time());
  if (!node_options) return node_options.error();
  node_options->trust = callee->trust;
  Node node(**loop, *std::move(node_options));
  Status status = echostream::add_plugins(*configuration, node);
  if (status.is_ok()) status = node.serve(station);
  if (status.is_ok()) status = intercom::record_sessions(node, options.station.recording_path);
  if (status.is_ok() && options.discover) status = intercom::find_stations(node);
  if (!status.is_ok()) return status;

  const std::string& flag = options.discover ? callee->target : options.to;
  const auto peer = examples::whom_to_dial(flag, *configuration, callee->target);
  const std::string& address = peer.target();
  intercom::say(**loop, options.station.conversation.station, "calls " + address);
  // Ctrl-C closes the sessions; the call then ends with an error of its own.
  auto signals = (*loop)->watch_stop_signals([&](int) {
    for (Session session : node.sessions()) session.close("the caller was stopped");
  });
  if (!signals) return signals.error();
  return echostream::run(**loop,
                         call(node, *station, address, echostream::connect_options_from(peer)));
}

}  // namespace

int main(int argument_count, char** arguments) {
  Options options;
  options.station.conversation.station = "door";
  examples::Arguments flags("intercom-call",
                            "An intercom station that calls another one, speaks for a while, hangs "
                            "up, and prints\nhow the voices arrived on both sides. Exit code 3: "
                            "the other station is busy.");
  flags.text("--contact", "FILE", "what the other station wrote", options.contact_path);
  flags.on("--discover",
           "find the other station on the local network: any, or the one with the name --to",
           options.discover);
  flags.text("--known-peers", "FILE",
             "with --discover, without --contact: whom to believe; a station that is not in it is "
             "believed and added [known_peers]",
             options.known_peers);
  flags.text("--to", "ADDRESS", "where to call, if not at the address in --contact", options.to);
  flags.seconds("--seconds", "how long to speak [12]", options.seconds);
  examples::ConfigArguments config(flags);
  if (const auto exit_code =
          intercom::parse_station_flags(flags, argument_count, arguments, options.station)) {
    return *exit_code;
  }
  options.station.call_length =
      echostream::Duration(static_cast<echostream::Duration::rep>(options.seconds * 1e9));
  if (options.contact_path.empty() && !options.discover) {
    std::cerr << "intercom-call: whom to call? Give --contact FILE or --discover\n";
    return 2;
  }

  const Status status = call(options, config);
  if (status.is_ok()) return 0;
  if (status.code() == echostream::StatusCode::kFailedPrecondition) return kRefused;
  std::cerr << "intercom-call: " << status << '\n';
  return 1;
}
