// echostream peers: the file of known peers.
#include <ctime>
#include <filesystem>
#include <iostream>
#include <string>

#include "echostream/base/printable.h"
#include "echostream/known_peers.h"
#include "echostream/loop.h"

#include "tools/echostream/discovery/discovery_command.h"
#include "tools/echostream/discovery/this_system.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

constexpr const char* kPeersExplanation =
    R"(The file says which certificate stands for which name, for programs that use Trust::known_peers():
peers that were paired, met for the first time, or added by hand. docs/discovery.md says who can
fool you when.

Without --file it is known_peers in $XDG_CONFIG_HOME/echostream, or in ~/.config/echostream.

Examples:
  echostream peers list
  echostream peers forget "camera at the door"
  echostream peers add kitchen 4f:2a:...)";

const char* origin_of(const KnownPeer& peer) {
  switch (peer.origin) {
    case KnownPeer::Origin::kFirstUse:
      return "first use";
    case KnownPeer::Origin::kPaired:
      return "paired   ";
    case KnownPeer::Origin::kAdded:
      return "added    ";
  }
  return "";
}

std::string day_of(WallTime time) {
  const auto seconds = static_cast<std::time_t>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

class PeersCommand : public Command {
 public:
  PeersCommand(CLI::App& peers, const std::string& name, const std::string& description)
      : Command(*peers.add_subcommand(name, description)) {
    app().footer(kPeersExplanation);
    add_file(app(), "--file", file_, "the file of known peers");
  }

  Status run() final {
    auto path = known_peers_path(file_);
    if (!path) return path.error();
    return run(*path);
  }

 private:
  virtual Status run(const std::string& path) = 0;

  std::string file_;
};

class ListCommand final : public PeersCommand {
 public:
  explicit ListCommand(CLI::App& peers) : PeersCommand(peers, "list", "Show who is known") {}

 private:
  Status run(const std::string& path) override {
    // Looking at it makes no file.
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      std::cerr << "nobody is known: there is no file " << path << '\n';
      return Status::ok();
    }
    auto peers = make_file_known_peers(path);
    if (!peers) return peers.error();
    for (const KnownPeer& peer : (*peers)->list()) {
      std::cout << peer.fingerprint.to_string() << "  " << origin_of(peer) << "  "
                << day_of(peer.since) << "  " << echostream::printable(peer.name) << '\n';
    }
    return Status::ok();
  }
};

class ForgetCommand final : public PeersCommand {
 public:
  explicit ForgetCommand(CLI::App& peers)
      : PeersCommand(peers, "forget", "Let a name stand for no certificate any more") {
    app().add_option("NAME", name_, "as 'list' shows it")->required();
  }

 private:
  Status run(const std::string& path) override {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      return {StatusCode::kNotFound, "nobody is known: there is no file " + path};
    }
    auto peers = make_file_known_peers(path);
    if (!peers) return peers.error();
    // A name as it is goes before another one that is shown like it.
    if (!(*peers)->find(name_)) {
      for (const KnownPeer& peer : (*peers)->list()) {
        if (echostream::printable(peer.name) == name_) return (*peers)->remove(peer.name);
      }
    }
    return (*peers)->remove(name_);
  }

  std::string name_;
};

class AddCommand final : public PeersCommand {
 public:
  explicit AddCommand(CLI::App& peers)
      : PeersCommand(peers, "add", "Let a name stand for a certificate") {
    app()
        .add_option("NAME", name_, "as it is dialled: an announced name, or HOST:PORT")
        ->required();
    app()
        .add_option("FINGERPRINT", fingerprint_,
                    "SHA-256 of its certificate, 64 hexadecimal digits")
        ->required();
  }

 private:
  Status run(const std::string& path) override {
    auto fingerprint = Fingerprint::parse(fingerprint_);
    if (!fingerprint) return std::move(fingerprint).error().with_context("FINGERPRINT");
    if (Status made = make_folder_of(path); !made.is_ok()) return made;
    auto peers = make_file_known_peers(path);
    if (!peers) return peers.error();
    auto loop = make_loop();
    if (!loop) return loop.error();
    return (*peers)->add({name_, *fingerprint, KnownPeer::Origin::kAdded, (*loop)->wall_time()});
  }

  std::string name_;
  std::string fingerprint_;
};

}  // namespace

void add_peers_commands(CLI::App& program, Commands& commands) {
  CLI::App& peers =
      *program.add_subcommand("peers", "Peers that this user's programs know and trust");
  peers.require_subcommand(1);
  peers.footer(kPeersExplanation);
  commands.push_back(std::make_unique<ListCommand>(peers));
  commands.push_back(std::make_unique<ForgetCommand>(peers));
  commands.push_back(std::make_unique<AddCommand>(peers));
}

}  // namespace echostream::tool
