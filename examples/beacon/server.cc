// Publishes a tick each second until Ctrl-C. Start it again: it is the same beacon to its clients.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>

#include "echostream/config.h"
#include "echostream/node.h"

#include "arguments/config_arguments.h"
#include "beacon.echostream.h"

using echostream::Call;
using echostream::Identity;
using echostream::Result;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;
using namespace std::chrono_literals;

class Beacon final : public beacon::v1::Beacon::Handler {
 public:
  bool Ticks(const beacon::v1::Filter&, const beacon::v1::Tick&) override { return true; }

  Task<Result<beacon::v1::WhoReply>> Who(Call&, beacon::v1::WhoRequest) override {
    beacon::v1::WhoReply reply;
    reply.set_process(static_cast<std::uint32_t>(getpid()));
    co_return reply;
  }
};

Task<void> tick(std::shared_ptr<Beacon> beacon) {
  beacon::v1::Tick tick;
  for (std::uint32_t number = 1;; ++number) {
    tick.set_number(number);
    beacon->PublishTicks(tick);
    (void)co_await echostream::sleep_for(1s);
  }
}

// Clients pin the certificate, so a restart must not make another: it is kept in a file that only
// its owner can read.
Result<Identity> identity_in(const std::string& path, echostream::WallTime now) {
  if (access(path.c_str(), F_OK) == 0) return Identity::from_pem_files(path, path);
  auto made = Identity::self_signed("beacon", now);
  if (!made) return made;
  const std::string pem = made->certificate_chain_pem() + made->private_key_pem();
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool saved =
      file >= 0 && write(file, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size());
  if (file >= 0) close(file);
  if (!saved) return Status(StatusCode::kUnavailable, "cannot write " + path);
  return made;
}

int main(int argument_count, char** arguments) {
  std::string address;
  std::string identity_file = "beacon.pem";
  examples::Arguments flags("beacon-server", "Publishes a tick each second until Ctrl-C.");
  flags.text("--listen", "ADDRESS", "where to listen [127.0.0.1:4434]", address);
  flags.text("--identity", "FILE", "certificate and key; made when missing [beacon.pem]",
             identity_file);
  examples::ConfigArguments config(flags);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return *exit_code;
  const auto fail = [](const Status& status) {
    std::cerr << "beacon-server: " << status << '\n';
    return 1;
  };

  auto configuration = config.read();
  if (!configuration) return fail(configuration.error());
  auto loop = echostream::make_loop(echostream::loop_options_from(*configuration));
  if (!loop) return fail(loop.error());
  auto options = echostream::node_options_from(*configuration, (*loop)->wall_time());
  if (!options) return fail(options.error());
  if (!options->identity) {
    auto identity = identity_in(identity_file, (*loop)->wall_time());
    if (!identity) return fail(identity.error());
    options->identity = *identity;
  }
  const echostream::Fingerprint fingerprint = options->identity->fingerprint();
  echostream::Node node(**loop, *std::move(options));
  auto beacon = std::make_shared<Beacon>();
  Status status = echostream::add_plugins(*configuration, node);
  if (status.is_ok()) status = node.serve(beacon);
  if (status.is_ok()) status = echostream::run(**loop, node.start());
  if (!status.is_ok()) return fail(status);
  for (const auto& wish : examples::where_to_listen(address, *configuration, "127.0.0.1:4434")) {
    auto bound = node.listen(wish);
    if (!bound) return fail(bound.error());
    std::cout << "listening on " << bound->to_string() << '\n';
  }
  std::cout << "fingerprint " << fingerprint.to_string() << std::endl;

  node.tasks().spawn(tick(beacon));
  auto signals = (*loop)->watch_stop_signals([&loop](int) { (*loop)->stop(); });
  if (!signals) return fail(signals.error());
  (*loop)->run();
}
