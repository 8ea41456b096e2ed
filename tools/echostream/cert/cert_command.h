// The commands below `echostream cert`.
#pragma once

#include "tools/echostream/command.h"

namespace echostream::tool {

std::unique_ptr<Command> make_cert_create_command(CLI::App& cert);
std::unique_ptr<Command> make_cert_fingerprint_command(CLI::App& cert);
std::unique_ptr<Command> make_cert_inspect_command(CLI::App& cert);

}  // namespace echostream::tool
