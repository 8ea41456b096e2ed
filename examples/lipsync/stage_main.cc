// lipsync-stage: plays a show with sound and pictures until it is stopped.
#include <iostream>
#include <memory>
#include <utility>

#include "echostream/node.h"

#include "arguments/arguments.h"
#include "intercom/console.h"
#include "intercom/contact.h"
#include "stage.h"

namespace {

using echostream::Node;
using echostream::NodeOptions;
using echostream::Status;

struct Options {
  std::string listen = "127.0.0.1:0";
  std::string contact_path;
  std::vector<std::string> voice;
};

Status play(const Options& options) {
  auto show = lipsync::Show::load(options.voice);
  if (!show) return show.error();
  auto loop = echostream::make_loop();
  if (!loop) return loop.error();
  auto identity = echostream::Identity::self_signed("stage", (*loop)->wall_time());
  if (!identity) return identity.error();
  NodeOptions node_options;
  node_options.identity = *identity;
  // The sound and the pictures have a rate of their own, and do not wait. On a link that loses a
  // little whatever is sent, CUBIC would at times allow less than that.
  node_options.congestion_control = echostream::CongestionControl::kBbr;
  Node node(**loop, std::move(node_options));
  Status served = node.serve(std::make_shared<lipsync::Stage>(**loop, *std::move(show)));
  if (!served.is_ok()) return served;
  auto address = node.listen(options.listen);
  if (!address) return address.error();
  Status written = intercom::write_contact(options.contact_path,
                                           {address->to_string(), identity->fingerprint()});
  if (!written.is_ok()) return written;
  intercom::say(**loop, "stage", "plays on " + address->to_string());

  auto signals = (*loop)->watch_stop_signals([&loop](int) { (*loop)->stop(); });
  if (!signals) return signals.error();
  (*loop)->run();
  return Status::ok();
}

}  // namespace

int main(int argument_count, char** arguments) {
  Options options;
  examples::Arguments flags("lipsync-stage",
                            "Plays a show: recorded voices, and a face that speaks them. It makes "
                            "a new identity and\nwrites its address and fingerprint to a file that "
                            "seats read. Ends on SIGTERM or SIGINT.");
  flags.text("--listen", "ADDRESS", "where to listen; port 0: any [127.0.0.1:0]", options.listen);
  flags.text("--contact", "FILE", "where to write address and fingerprint", options.contact_path);
  flags.required();
  flags.texts("--voice", "FILE", "a WAV file to play, 48 kHz mono 16 bit; may be repeated",
              options.voice);
  flags.required();
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;

  const Status status = play(options);
  if (status.is_ok()) return 0;
  std::cerr << "lipsync-stage: " << status << '\n';
  return 1;
}
