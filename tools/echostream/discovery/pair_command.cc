// echostream pair: two devices come to trust each other by a short code.
#include <iostream>
#include <string>
#include <vector>

#include "echostream/base/printable.h"
#include "echostream/pairing/pairing.h"
#ifdef ECHOSTREAM_HAS_DISCOVERY
#include "echostream/discovery/advertiser.h"
#include "echostream/discovery/browser.h"
#endif

#include "tools/echostream/discovery/discovery_command.h"
#include "tools/echostream/discovery/own_identity.h"
#include "tools/echostream/discovery/this_system.h"
#include "tools/echostream/discovery/until_stopped.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

using pairing::PairingHost;
using pairing::PairingOptions;

constexpr const char* kExplanation =
    R"(One device shows a code, a person enters it at the other, and each writes the other's certificate down
in its file of known peers: programs with Trust::known_peers() trust each other from then on. A code is
good for one try, and somebody who listens or stands in between learns nothing from it
(docs/pairing.md).

Say which identity is meant with --certificate and --key: that of the program which is to be trusted.
Without them it is certificate.pem and key.pem in $XDG_CONFIG_HOME/echostream or ~/.config/echostream,
which are made when they are not there; the known peers are the file known_peers beside them.

TARGET is where the other one listens, or the name that it shows, when both have avahi-daemon.

Examples:
  echostream pair --show --name kitchen                 (on one device)
  echostream pair kitchen --code 123456                 (on the other)
  echostream pair 192.0.2.7:40123 --code "123 456"
  echostream peers list)";

#ifdef ECHOSTREAM_HAS_DISCOVERY
// What the host is announced with, so that it is found by the device's name whatever it is called
// itself: the program that is to be trusted may be announced by that already.
constexpr const char* kDeviceProperty = "device";

std::string name_while_pairing(const std::string& device) {
  constexpr std::size_t kMostBytes = 63;
  const std::string name = device + " (pairing)";
  return name.size() <= kMostBytes ? name : device;
}
#endif

class PairCommand final : public Command {
 public:
  explicit PairCommand(CLI::App& program)
      : Command(*program.add_subcommand("pair", "Make two devices trust each other by a code")) {
    app().footer(kExplanation);
    app().add_option("TARGET", target_, "whom to pair with: its name, or HOST:PORT");
    app().add_flag("--show", show_, "show a code, and wait for the other device");
    app().add_option("--code", code_, "what the other device shows [asked for]");
    app().add_option("--name", name_,
                     "what the other side will know this device by [this machine's name]");
    app()
        .add_option("--listen", listen_, "with --show: HOST:PORT where to listen; port 0: any")
        ->capture_default_str();
    add_file(app(), "--certificate", certificate_, "a PEM file with this device's certificate");
    add_file(app(), "--key", key_, "a PEM file with its private key");
    add_file(app(), "--file", file_, "the file of known peers");
  }

  Status run() override {
    if (show_ == !target_.empty()) {
      return {
          StatusCode::kInvalidArgument,
          "give either --show, or the TARGET that shows a code, and one of them on each device"};
    }
    if (name_.empty()) name_ = machine_name();
    auto loop = make_loop();
    if (!loop) return loop.error();
    auto options = pairing_options((*loop)->wall_time());
    if (!options) return options.error();
    if (show_) return run_until_over(**loop, show(**loop, *std::move(options)));
    if (code_.empty()) {
      std::cout << "The code that the other device shows: " << std::flush;
      std::getline(std::cin, code_);
    }
    return run_until_over(**loop, enter(**loop, *std::move(options)));
  }

 private:
  // A script that goes on after this command must not take Ctrl-C for a pairing.
  static Status run_until_over(Loop& loop, Task<Status> task) {
    return run_until_stopped(
        loop, std::move(task), std::nullopt,
        Status(StatusCode::kCancelled, "stopped before the pairing was complete"));
  }

  Result<PairingOptions> pairing_options(WallTime now) const {
    PairingOptions options;
    options.name = name_;
    auto identity = own_identity(certificate_, key_, name_, now);
    if (!identity) return identity.error();
    options.identity = *identity;
    auto path = known_peers_path(file_);
    if (!path) return path.error();
    if (Status made = make_folder_of(*path); !made.is_ok()) return made;
    auto peers = make_file_known_peers(*path);
    if (!peers) return peers.error();
    options.peers = *peers;
    return options;
  }

  static Status report(const Result<KnownPeer>& peer) {
    if (!peer) return peer.error();
    std::cout << "paired with '" << echostream::printable(peer->name) << "', certificate "
              << peer->fingerprint.to_string() << std::endl;
    return Status::ok();
  }

  Task<Status> show(Loop& loop, PairingOptions options) const {
    PairingHost::Options host_options;
    host_options.pairing = std::move(options);
    host_options.listen_on = listen_;
    host_options.show_code = [](const std::string& code) {
      std::cout << "code  " << code << std::endl;
    };
    auto host = PairingHost::start(loop, std::move(host_options));
    if (!host) co_return host.error();
    std::cout << "waits to be paired as '" << echostream::printable(name_) << "' on port "
              << (*host)->address().port() << std::endl;
#ifdef ECHOSTREAM_HAS_DISCOVERY
    auto advertiser = announce(loop, (*host)->node());
    if (!advertiser) std::cerr << "echostream pair: " << advertiser.error().message() << '\n';
#endif
    auto peer = co_await (*host)->wait_paired();
    co_return report(peer);
  }

  Task<Status> enter(Loop& loop, PairingOptions options) const {
    auto addresses = co_await find_target(loop);
    if (!addresses) co_return addresses.error();
    Result<KnownPeer> peer = Status(StatusCode::kUnavailable, "it has no address");
    for (const std::string& address : *addresses) {
      peer = co_await pairing::pair(loop, address, code_, options);
      // One that cannot be reached at one address may be at the next. After any other error whoever
      // answered may have tried a guess against the code, and shall not have another.
      if (peer || peer.error().code() != StatusCode::kUnavailable) break;
    }
    co_return report(peer);
  }

#ifdef ECHOSTREAM_HAS_DISCOVERY
  Result<discovery::Advertiser> announce(Loop& loop, Node& node) const {
    discovery::AnnounceOptions options;
    options.name = name_while_pairing(name_);
    options.properties = {{ kDeviceProperty, name_ }};
    options.on_change = [](const discovery::AdvertiserStatus& status) {
      if (status.error.code() != StatusCode::kUnavailable) return;
      std::cerr << "echostream pair: the other device has to be given this one's HOST:PORT: "
                << status.error.message() << '\n';
    };
    return discovery::announce(node, discovery::make_system_dns_sd(loop), std::move(options));
  }
#endif

  Task<Result<std::vector<std::string>>> find_target(Loop& loop) const {
    if (parse_host_and_port(target_)) co_return std::vector<std::string>{target_};
#ifdef ECHOSTREAM_HAS_DISCOVERY
    discovery::BrowseFilter filter;
    filter.service = pairing::kServiceName;
    filter.properties = {{ kDeviceProperty, target_ }};
    auto dns_sd = discovery::make_system_dns_sd(loop);
    auto node = co_await discovery::find(loop, dns_sd, filter, std::chrono::seconds(5));
    if (!node && node.error().code() == StatusCode::kNotFound) {
      co_return Status(StatusCode::kNotFound, "nobody called '" + target_ +
                                                  "' waits to be paired. Is 'echostream pair "
                                                  "--show' running there, on this network?");
    }
    if (!node) co_return node.error();
    std::vector<std::string> addresses;
    for (const SocketAddress& address : node->addresses) addresses.push_back(address.to_string());
    co_return addresses;
#else
    (void)loop;
    co_return Status(StatusCode::kInvalidArgument,
                     "'" + target_ +
                         "' is not HOST:PORT, and this program was built without discovery, which "
                         "could find a name");
#endif
  }

  std::string target_;
  bool show_ = false;
  std::string code_;
  std::string name_;
  std::string listen_ = "[::]:0";
  std::string certificate_;
  std::string key_;
  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_pair_command(CLI::App& program) {
  return std::make_unique<PairCommand>(program);
}

}  // namespace echostream::tool
