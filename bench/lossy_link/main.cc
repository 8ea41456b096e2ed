// echostream_bench_lossy_link: two network namespaces joined by a network that delays and loses
// packets, of every protocol alike. Programs are started in them with nsenter.
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "bench/lossy_link/namespaces.h"
#include "bench/lossy_link/packet_delay.h"

namespace bench {
namespace {

constexpr const char* kServerAddress = "10.77.0.1";
constexpr const char* kClientAddress = "10.77.0.2";
constexpr int kNotPermitted = 77;
constexpr std::size_t kMostPacketBytes = 65'536;

struct Options {
  double delay_ms = 20;
  double loss_percent = 0;
  unsigned seed = 1;
  unsigned lifetime_seconds = 0;
};

void print_help() {
  std::printf(
      "Usage: echostream_bench_lossy_link [option ...]\n"
      "\n"
      "Makes two network namespaces, joined by a network that delays and loses packets, and "
      "carries\n"
      "them until it is ended. When it is ready it prints\n"
      "\n"
      "  ready server NAMESPACE %s client NAMESPACE %s\n"
      "\n"
      "and programs are started there with `nsenter --net=NAMESPACE program ...`. Needs root; "
      "exits\n"
      "with %d where the system does not permit it.\n"
      "\n"
      "  --delay-ms D    each way (default 20)\n"
      "  --loss P        percent of the packets that are lost, each way (default 0)\n"
      "  --seed N        which ones (default 1)\n"
      "  --lifetime S    end after S seconds (default: never)\n"
      "  --help          this text\n",
      kServerAddress, kClientAddress, kNotPermitted);
}

bool assign(const char* text, double least, double most, double& out) {
  char* end = nullptr;
  out = std::strtod(text, &end);
  return end != text && *end == '\0' && out >= least && out <= most;
}

bool apply(std::string_view option, const char* value, Options& options) {
  double number = 0;
  if (option == "--delay-ms") return assign(value, 0, 10'000, options.delay_ms);
  if (option == "--loss") return assign(value, 0, 100, options.loss_percent);
  if (option == "--seed" && assign(value, 0, 4e9, number)) {
    options.seed = static_cast<unsigned>(number);
    return true;
  }
  if (option == "--lifetime" && assign(value, 1, 86'400, number)) {
    options.lifetime_seconds = static_cast<unsigned>(number);
    return true;
  }
  return false;
}

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  exit_code = 2;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--help" || option == "-h") {
      print_help();
      exit_code = 0;
      return std::nullopt;
    }
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (!apply(option, value, options)) {
      std::fprintf(stderr, "echostream_bench_lossy_link: '%s %s' is not understood; see --help\n",
                   argv[i], value);
      return std::nullopt;
    }
  }
  return options;
}

class Link {
 public:
  explicit Link(const Options& options)
      : directions_{PacketDelay(delay_options(options, 0)),
                    PacketDelay(delay_options(options, 1))} {}

  bool open(std::string& why) {
    return make_link_end(kServerAddress, ends_[0], why) &&
           make_link_end(kClientAddress, ends_[1], why);
  }

  void announce() const {
    const int pid = static_cast<int>(getpid());
    std::printf("ready server /proc/%d/fd/%d %s client /proc/%d/fd/%d %s\n", pid,
                ends_[0].netns.get(), kServerAddress, pid, ends_[1].netns.get(), kClientAddress);
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    for (;;) {
      wait();
      for (std::size_t from : {0u, 1u}) read_all(from);
      for (std::size_t from : {0u, 1u}) write_due(from);
    }
  }

 private:
  static PacketDelay::Options delay_options(const Options& options, unsigned direction) {
    PacketDelay::Options out;
    out.delay = std::chrono::nanoseconds(static_cast<std::int64_t>(options.delay_ms * 1e6));
    out.loss = options.loss_percent / 100;
    out.seed = 2ull * options.seed + direction;
    return out;
  }

  void wait() {
    std::array<pollfd, 2> entries{
        {{ends_[0].tun.get(), POLLIN, 0}, {ends_[1].tun.get(), POLLIN, 0}}};
    std::optional<Time> next;
    for (const PacketDelay& direction : directions_) {
      const std::optional<Time> time = direction.next_time();
      if (time && (!next || *time < *next)) next = time;
    }
    timespec span{};
    if (next) {
      const auto left = std::max(*next - std::chrono::steady_clock::now(), Time::duration::zero());
      const auto nanoseconds = std::chrono::nanoseconds(left).count();
      span = {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    }
    ppoll(entries.data(), entries.size(), next ? &span : nullptr, nullptr);
  }

  void read_all(std::size_t from) {
    for (;;) {
      const ssize_t size = read(ends_[from].tun.get(), buffer_.data(), buffer_.size());
      if (size <= 0) return;
      directions_[from].push(std::chrono::steady_clock::now(),
                             std::span(buffer_).first(static_cast<std::size_t>(size)));
    }
  }

  void write_due(std::size_t from) {
    const Time now = std::chrono::steady_clock::now();
    std::vector<std::uint8_t> packet;
    while (directions_[from].pop(now, packet)) {
      // A packet that the kernel does not take is lost.
      const ssize_t written = write(ends_[1 - from].tun.get(), packet.data(), packet.size());
      (void)written;
    }
  }

  std::array<LinkEnd, 2> ends_;            // server, client
  std::array<PacketDelay, 2> directions_;  // from the server, from the client
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(kMostPacketBytes);
};

int run(const Options& options) {
  // Ends with whoever started it.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  alarm(options.lifetime_seconds);
  Link link(options);
  std::string why;
  if (!link.open(why)) {
    std::fprintf(
        stderr,
        "echostream_bench_lossy_link: %s. It needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN) and "
        "/dev/net/tun.\n",
        why.c_str());
    return kNotPermitted;
  }
  link.announce();
  link.run();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = bench::parse_options(argc, argv, exit_code);
  return options ? bench::run(*options) : exit_code;
}
