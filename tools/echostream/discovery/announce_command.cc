// echostream announce: makes a node known that does not do it itself.
#include <array>
#include <iostream>
#include <string>
#include <vector>

#include "echostream/base/printable.h"
#include "echostream/plugin.h"

#include "discovery/advertiser/announcer.h"
#include "discovery/advertiser/registration.h"
#include "discovery/records/names.h"
#include "tools/echostream/discovery/daemon.h"
#include "tools/echostream/discovery/discovery_command.h"
#include "tools/echostream/discovery/node_text.h"
#include "tools/echostream/discovery/until_stopped.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

using discovery::AdvertiserStatus;
using discovery::Announcer;
using discovery::DnsSd;
using discovery::Registration;

constexpr const char* kExplanation =
    R"(Announces a node that runs on this machine and does not announce itself, until Ctrl-C; nothing is
served on that port by this command. A program of yours rather calls discovery::announce(), which
follows what it really serves, and where (docs/discovery.md).

When somebody else has the name it is announced as "camera #2"; what is printed is what others see.

It needs avahi-daemon on this machine; exit code 1 says at once that there is none. One that goes
away later is waited for.

Example:
  echostream announce --port 4433 --service acme.v1.Camera --name "camera at the door" \
      --property location=door)";

class AnnounceCommand final : public Command {
 public:
  explicit AnnounceCommand(CLI::App& program)
      : Command(*program.add_subcommand("announce", "Announce a node on the local network")) {
    app().footer(kExplanation);
    app()
        .add_option("--port", port_, "the UDP port that it listens on")
        ->required()
        ->check(CLI::Range(1, 65535));
    app().add_option("--service", services_,
                     "full name of what it serves, acme.v1.Camera; may be repeated");
    app().add_option("--name", name_, "what others see [this machine's name]");
    app().add_option("--property", properties_, "KEY=VALUE that others see; may be repeated");
    app().add_option("--fingerprint", fingerprint_,
                     "SHA-256 fingerprint of its certificate, as a hint");
    app().add_option("--interface", interface_, "only on this network interface: eth0");
  }

  Status run() override {
    auto loop = make_loop();
    if (!loop) return loop.error();
    const auto dns_sd = discovery::make_system_dns_sd(**loop);
    auto registration = what_to_announce(**loop, *dns_sd);
    if (!registration) return registration.error();
    return run_until_stopped(**loop, announce(**loop, dns_sd, *std::move(registration)));
  }

 private:
  Result<Registration> what_to_announce(Loop& loop, const DnsSd& dns_sd) const {
    Announcement says;
    says.name = name_.empty() ? dns_sd.host_name() : name_;
    if (Status status = discovery::check_instance_name(says.name); !status.is_ok()) {
      return status.with_context("--name");
    }
    says.services = services_;
    for (const std::string& given : properties_) {
      auto property = parse_property(given);
      if (!property) return property.error();
      says.properties.push_back(*property);
    }
    // That somebody listens there is what the user says.
    says.listening = {SocketAddress::ipv6({}, port_)};
    if (!fingerprint_.empty()) {
      auto fingerprint = Fingerprint::parse(fingerprint_);
      if (!fingerprint) return std::move(fingerprint).error().with_context("--fingerprint");
      says.fingerprint = *fingerprint;
    }
    auto registration = discovery::make_registration(says, random_id(loop), {});
    if (registration && !interface_.empty()) {
      auto index = dns_sd.interface_index(interface_);
      if (!index) return std::move(index).error().with_context("--interface");
      registration->interface_index = *index;
    }
    return registration;
  }

  static std::string random_id(Loop& loop) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::array<std::uint8_t, 8> bytes{};
    loop.fill_random(bytes);
    std::string id;
    for (const std::uint8_t byte : bytes) id.append({kDigits[byte >> 4], kDigits[byte & 15]});
    return id;
  }

  static Task<Status> announce(Loop& loop, std::shared_ptr<DnsSd> dns_sd,
                               Registration registration) {
    Status usable = co_await daemon_status(*dns_sd);
    if (!usable.is_ok()) co_return usable;
    WaitPoint changed;
    Announcer announcer(loop, dns_sd, registration.name, [&] { changed.notify_all(); });
    announcer.want(std::move(registration));
    AdvertiserStatus told;
    for (;;) {
      const AdvertiserStatus now = announcer.status();
      if (now.error.code() == StatusCode::kInvalidArgument) co_return now.error;
      if (now != told && announcer.has_heard_daemon()) tell(now);
      told = now;
      (void)co_await changed.wait();
    }
  }

  static void tell(const AdvertiserStatus& status) {
    const std::string name = "'" + echostream::printable(status.name) + "'";
    switch (status.state) {
      case AdvertiserStatus::State::kProbing:
        std::cout << "asks whether the name " << name << " is free" << std::endl;
        break;
      case AdvertiserStatus::State::kAnnounced:
        std::cout << "announced as " << name << std::endl;
        break;
      case AdvertiserStatus::State::kWaiting:
        std::cerr << "echostream announce: waits: " << status.error.message() << '\n';
        break;
    }
  }

  std::uint16_t port_ = 0;
  std::vector<std::string> services_;
  std::string name_;
  std::vector<std::string> properties_;
  std::string fingerprint_;
  std::string interface_;
};

}  // namespace

std::unique_ptr<Command> make_announce_command(CLI::App& program) {
  return std::make_unique<AnnounceCommand>(program);
}

}  // namespace echostream::tool
