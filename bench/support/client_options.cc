#include "bench/support/client_options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bench {
namespace {

void print_help(const ClientProgram& program) {
  const bool trusts = program.credential_option != nullptr;
  std::printf(
      "Usage: %s --connect HOST:PORT %s%s[option ...]\n"
      "\n"
      "Measures a benchmark server and prints the figures.\n"
      "\n"
      "  --connect HOST:PORT  the server, as it prints its address\n",
      program.name, trusts ? program.credential_option : "", trusts ? " VALUE " : "");
  if (trusts) std::printf("  %-20s %s\n", program.credential_option, program.credential_help);
  std::printf(
      "  --only ROW[,ROW]     only these rows (default: all of these that the program has):\n");
  for (const char* row : kRows) std::printf("                         %s\n", row);
  std::printf(
      "  --seconds S          how long each row measures (default 2)\n"
      "  --count N            measure N operations instead of S seconds\n"
      "  --outstanding N      calls at once in unary_throughput (default 64)\n"
      "  --sessions N         idle sessions in memory, compared with N/5 (default 1000)\n"
      "  --most N             sessions and subscribers of growth, from 2000 (default 10000)\n"
      "%s"
      "  --json FILE          write the figures to FILE too\n"
      "  --lifetime S         give up after S seconds (default: never)\n"
      "  --help               this text\n",
      program.is_echostream
          ? "  --plugins LIST       plugins to call with, such as metrics,tracing=0.01\n"
            "  --busy-poll-us N     look for datagrams for N us before sleeping (default 0)\n"
            "  --max-udp-payload N  the largest datagram that is tried (default 1452)\n"
            "  --middleware N       layers around each call that do next to nothing (default 0)\n"
          : "");
}

bool parse_number(std::string_view text, double least, double most, double& out) {
  const std::string copy(text);
  char* end = nullptr;
  out = std::strtod(copy.c_str(), &end);
  return !copy.empty() && *end == '\0' && out >= least && out <= most;
}

template <class Number>
bool assign(std::string_view text, double least, double most, Number& out) {
  double value = 0;
  if (!parse_number(text, least, most, value)) return false;
  out = static_cast<Number>(value);
  return true;
}

bool assign_rows(std::string_view text, std::vector<std::string>& out) {
  out.clear();
  while (true) {
    const std::size_t comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    if (std::find(kRows.begin(), kRows.end(), out.back()) == kRows.end()) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool assign_text(std::string_view text, std::string& out) {
  out = text;
  return !out.empty();
}

// False for an unknown option, or for a value that it does not take.
bool apply(std::string_view option, std::string_view value, const ClientProgram& program,
           ClientOptions& options) {
  if (option == "--connect") return assign_text(value, options.connect);
  if (program.credential_option != nullptr && option == program.credential_option) {
    return assign_text(value, options.credential);
  }
  if (option == "--only") return assign_rows(value, options.only);
  if (option == "--seconds") return assign(value, 0.01, 3600, options.seconds);
  if (option == "--count") return assign(value, 1, 1e12, options.count);
  if (option == "--outstanding") return assign(value, 1, 100'000, options.outstanding);
  if (option == "--sessions") return assign(value, 5, 100'000, options.sessions);
  if (option == "--most") return assign(value, 2000, 15'000, options.most);
  if (program.is_echostream && option == "--plugins") return assign_text(value, options.plugins);
  if (program.is_echostream && option == "--busy-poll-us") {
    return assign(value, 0, 10'000, options.busy_poll_us);
  }
  if (program.is_echostream && option == "--middleware") {
    return assign(value, 0, 100, options.middleware);
  }
  if (program.is_echostream && option == "--max-udp-payload") {
    return assign(value, 1200, 65'527, options.max_udp_payload);
  }
  if (option == "--json") return assign_text(value, options.json);
  if (option == "--lifetime") return assign(value, 1, 86'400, options.lifetime_seconds);
  return false;
}

}  // namespace

bool ClientOptions::wants(const std::string& row) const {
  return only.empty() || std::find(only.begin(), only.end(), row) != only.end();
}

std::optional<ClientOptions> parse_client_options(int argc, char** argv,
                                                  const ClientProgram& program, int& exit_code) {
  ClientOptions options;
  exit_code = 2;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--help" || option == "-h") {
      print_help(program);
      exit_code = 0;
      return std::nullopt;
    }
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (!apply(option, value, program, options)) {
      std::fprintf(stderr, "%s: '%s %s' is not understood; see --help\n", program.name, argv[i],
                   value);
      return std::nullopt;
    }
  }
  const bool trusts = program.credential_option != nullptr;
  if (options.connect.empty() || (trusts && options.credential.empty())) {
    std::fprintf(stderr, "%s: --connect%s%s needed; see --help\n", program.name,
                 trusts ? " and " : " is", trusts ? program.credential_option : "");
    return std::nullopt;
  }
  return options;
}

}  // namespace bench
