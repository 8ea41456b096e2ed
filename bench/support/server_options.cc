#include "bench/support/server_options.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {
namespace {

void print_help(const char* program, bool needs_certificate) {
  std::printf(
      "Usage: %s [option ...]\n"
      "\n"
      "Serves bench.v1.Bench until SIGINT or SIGTERM. Prints its address%s when it is ready.\n"
      "\n"
      "  --listen HOST:PORT  where to listen (default 127.0.0.1:0, any free port)\n"
      "%s"
      "  --lifetime S        end after S seconds (default: never)\n"
      "  --help              this text\n",
      program, needs_certificate ? "" : " and fingerprint",
      needs_certificate
          ? "  --certificate FILE  PEM certificate (needed)\n"
            "  --key FILE          PEM private key (needed)\n"
          : "  --plugins LIST      plugins to serve with, on one thread\n"
            "  --threads N         serve on N threads (default 1)\n"
            "  --busy-poll-us N    look for datagrams for N us before sleeping "
            "(default 0)\n"
            "  --max-udp-payload N the largest datagram that is tried (default 1452)\n"
            "  --middleware N      layers around each call that do next to nothing (default 0)\n");
}

bool assign(std::string_view text, unsigned long least, unsigned long most, unsigned& out) {
  const std::string copy(text);
  char* end = nullptr;
  const unsigned long value = std::strtoul(copy.c_str(), &end, 10);
  out = static_cast<unsigned>(value);
  return *end == '\0' && value >= least && value <= most;
}

bool apply(std::string_view option, std::string_view value, bool needs_certificate,
           ServerOptions& options) {
  if (value.empty()) return false;
  if (option == "--listen") {
    options.listen = value;
  } else if (needs_certificate && option == "--certificate") {
    options.certificate = value;
  } else if (needs_certificate && option == "--key") {
    options.key = value;
  } else if (!needs_certificate && option == "--plugins") {
    options.plugins = value;
  } else if (!needs_certificate && option == "--threads") {
    return assign(value, 1, 256, options.threads);
  } else if (!needs_certificate && option == "--busy-poll-us") {
    return assign(value, 0, 10'000, options.busy_poll_us);
  } else if (!needs_certificate && option == "--middleware") {
    return assign(value, 0, 100, options.middleware);
  } else if (!needs_certificate && option == "--max-udp-payload") {
    return assign(value, 1200, 65'527, options.max_udp_payload);
  } else if (option == "--lifetime") {
    return assign(value, 1, 86'400, options.lifetime_seconds);
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<ServerOptions> parse_server_options(int argc, char** argv, const char* program,
                                                  bool needs_certificate, int& exit_code) {
  ServerOptions options;
  exit_code = 2;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--help" || option == "-h") {
      print_help(program, needs_certificate);
      exit_code = 0;
      return std::nullopt;
    }
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (!apply(option, value, needs_certificate, options)) {
      std::fprintf(stderr, "%s: '%s %s' is not understood; see --help\n", program, argv[i], value);
      return std::nullopt;
    }
  }
  if (needs_certificate && (options.certificate.empty() || options.key.empty())) {
    std::fprintf(stderr, "%s: --certificate and --key are needed; see --help\n", program);
    return std::nullopt;
  }
  return options;
}

}  // namespace bench
