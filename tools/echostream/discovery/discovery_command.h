// The commands about finding peers and coming to trust them: `echostream browse`, `announce`,
// `pair` and `peers`. Each is missing, or says what it was built without, where its library is not
// there.
#pragma once

#include <memory>

#include "tools/echostream/command.h"

namespace echostream::tool {

std::unique_ptr<Command> make_browse_command(CLI::App& program);
std::unique_ptr<Command> make_announce_command(CLI::App& program);
std::unique_ptr<Command> make_pair_command(CLI::App& program);

/// `echostream peers`, which needs no library.
void add_peers_commands(CLI::App& program, Commands& commands);

}  // namespace echostream::tool
