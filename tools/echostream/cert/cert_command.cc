#include "tools/echostream/cert/cert_command.h"

namespace echostream::tool {

void add_cert_commands(CLI::App& program, Commands& commands) {
  CLI::App& cert = *program.add_subcommand("cert", "Certificates: make them, look at them");
  cert.require_subcommand(1);
  cert.footer("More: docs/tls.md; echostream cert COMMAND --help");
  commands.push_back(make_cert_create_command(cert));
  commands.push_back(make_cert_fingerprint_command(cert));
  commands.push_back(make_cert_inspect_command(cert));
}

}  // namespace echostream::tool
