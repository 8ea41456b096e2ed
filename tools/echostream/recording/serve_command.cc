// echostream recording serve: a node that answers as the recorded one did.
#include <iostream>

#include "echostream/node.h"
#include "echostream/plugins/replay.h"

#include "tools/echostream/options.h"
#include "tools/echostream/recording/recording_command.h"
#include "tools/echostream/recording/recording_text.h"

namespace echostream::tool {

namespace {

constexpr const char* kExplanation =
    R"(Serves the services of which calls were recorded. A stream or subscription gets the frames that were recorded
for the same request, at their own pace; a call gets its recorded reply. Requests that were not recorded are
answered with NOT_FOUND. Ctrl-C ends it.

Without --certificate it makes a new identity; clients pin the fingerprint that is printed.

Example:
  echostream recording serve drive.mcap --listen 127.0.0.1:4433 --speed 2)";

Task<void> wait_for_stop(Loop& loop, WaitPoint& stopped, bool& is_stopped, Status& status) {
  auto signals = loop.watch_stop_signals([&](int) {
    is_stopped = true;
    stopped.notify_all();
  });
  if (!signals) {
    status = signals.error();
    co_return;
  }
  while (!is_stopped) (void)co_await stopped.wait();
}

class ServeCommand final : public Command {
 public:
  explicit ServeCommand(CLI::App& recording)
      : Command(*recording.add_subcommand("serve", "Serve a recording to clients")) {
    app().footer(kExplanation);
    add_file(app(), "FILE", file_, "the recording")->required();
    app()
        .add_option("--listen", listen_, "HOST:PORT where to listen; port 0: any")
        ->capture_default_str();
    app()
        .add_option("--speed", options_.speed, "times as fast as recorded; 0: as fast as it goes")
        ->check(CLI::Range(0.0, 1e6))
        ->capture_default_str();
    app().add_flag("--any-request", options_.any_request,
                   "answer requests that were not recorded as if they were another one");
    app().add_option("--method", methods_,
                     "only this method, package.Service/Method; '*' stands for any characters; may "
                     "be repeated");
    add_file(app(), "--certificate", certificate_, "a PEM file with a certificate chain");
    add_file(app(), "--key", key_, "a PEM file with its private key");
  }

  Status run() override {
    if (certificate_.empty() != key_.empty()) {
      return {StatusCode::kInvalidArgument, "--certificate and --key belong together"};
    }
    if (!methods_.empty()) options_.methods = methods_;
    auto replay = load_replay(file_, options_);
    if (!replay) return replay.error();
    auto loop = make_loop();
    if (!loop) return loop.error();
    auto identity = certificate_.empty() ? Identity::self_signed("recording", (*loop)->wall_time())
                                         : Identity::from_pem_files(certificate_, key_);
    if (!identity) return identity.error();
    return serve(**loop, *identity, *replay);
  }

 private:
  Status serve(Loop& loop, const Identity& identity, const Replay& replay) {
    NodeOptions node_options;
    node_options.identity = identity;
    Node node(loop, std::move(node_options));
    for (const auto& service : replay.services) {
      if (Status served = node.serve(service); !served.is_ok()) return served;
    }
    auto address = node.listen(listen_);
    if (!address) return address.error();
    const std::string damage = describe_damage(replay.damage);
    if (!damage.empty()) std::cerr << "echostream recording serve: " << damage << '\n';
    std::cout << "serves " << count(replay.calls, "call") << ", "
              << count(replay.messages, "message") << " on " << address->to_string()
              << "\nfingerprint " << identity.fingerprint().to_string() << std::endl;
    WaitPoint stopped;
    bool is_stopped = false;
    Status status;
    echostream::run(loop, wait_for_stop(loop, stopped, is_stopped, status));
    echostream::run(loop, node.shutdown(std::chrono::milliseconds(500)));
    return status;
  }

  std::string file_;
  std::string listen_ = "127.0.0.1:0";
  ReplayOptions options_;
  std::vector<std::string> methods_;
  std::string certificate_;
  std::string key_;
};

}  // namespace

std::unique_ptr<Command> make_serve_command(CLI::App& recording) {
  return std::make_unique<ServeCommand>(recording);
}

}  // namespace echostream::tool
