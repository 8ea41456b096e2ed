// The command line of the benchmark servers.
#pragma once

#include <optional>
#include <string>

namespace bench {

struct ServerOptions {
  std::string listen = "127.0.0.1:0";
  std::string certificate;  // PEM files; only for servers that cannot make their own
  std::string key;
  unsigned threads = 1;             // only EchoStream's
  unsigned busy_poll_us = 0;        // only EchoStream's
  unsigned max_udp_payload = 1452;  // the same
  unsigned middleware = 0;          // the same
  unsigned lifetime_seconds = 0;
  std::string plugins;  // only EchoStream's
};

/// Nothing when the program is to end with `exit_code`: after --help, or after a message about what
/// is wrong.
std::optional<ServerOptions> parse_server_options(int argc, char** argv, const char* program,
                                                  bool needs_certificate, int& exit_code);

}  // namespace bench
