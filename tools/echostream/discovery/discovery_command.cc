#include "tools/echostream/discovery/discovery_command.h"

#include <string>

namespace echostream::tool {

namespace {

// Stands for a command whose library this program was built without.
class AbsentCommand final : public Command {
 public:
  AbsentCommand(CLI::App& program, const std::string& name, const std::string& description)
      : Command(*program.add_subcommand(name, description + " (this program was built without)")) {
    app().allow_extras();
  }

  Status run() override {
    return {StatusCode::kUnimplemented,
            "this program was built without discovery, which needs avahi's client library. On "
            "Debian, install libavahi-client-dev and build it again"};
  }
};

[[maybe_unused]] std::unique_ptr<Command> absent(CLI::App& program, const std::string& name,
                                                 const std::string& description) {
  return std::make_unique<AbsentCommand>(program, name, description);
}

}  // namespace

void add_discovery_commands(CLI::App& program, Commands& commands) {
#ifdef ECHOSTREAM_HAS_DISCOVERY
  commands.push_back(make_browse_command(program));
  commands.push_back(make_announce_command(program));
#else
  commands.push_back(absent(program, "browse", "Nodes on the local network"));
  commands.push_back(absent(program, "announce", "Announce a node on the local network"));
#endif
#ifdef ECHOSTREAM_HAS_PAIRING
  commands.push_back(make_pair_command(program));
#endif
  add_peers_commands(program, commands);
}

}  // namespace echostream::tool
