// The benchmark's rows with bare UDP datagrams, as many per system call as there are.
#include <algorithm>
#include <cstring>
#include <utility>

#include "bench/peers/udp/protocol.h"
#include "bench/support/peer.h"
#include "bench/support/udp_batch.h"

namespace bench::udp {
namespace {

constexpr std::int64_t kPatience = 5'000'000'000;
// What goes out with one flush, and what may be under way beyond it: UDP has no flow control, and
// what overflows the receiver's buffer would be lost.
constexpr std::size_t kBurstBytes = 64 * 1024;
constexpr std::uint64_t kWindowBytes = 128 * 1024;

class UdpPeer final : public Peer {
 public:
  UdpPeer(std::unique_ptr<UdpBatch> socket, const sockaddr_in& server)
      : socket_(std::move(socket)), server_(server) {}

  bool has(const std::string& row) const override {
    return row == kUnaryLatency || row == kUnaryThroughput || row == kEvents || row == kMessages ||
           row == kBulk;
  }

  Failure echo() override {
    send_echoes(1);
    std::uint64_t echoes = 0;
    return receive([&](UdpBatch::Bytes, std::size_t) { ++echoes; }, [&] { return echoes == 1; });
  }

  Failure echo_many(std::size_t outstanding, Budget& budget, std::uint64_t& done) override {
    std::size_t to_send = 0;
    std::size_t out = 0;
    while (to_send < outstanding && budget.take()) ++to_send;
    while (to_send + out > 0) {
      send_echoes(to_send);
      out += to_send;
      std::size_t back = 0;
      const auto count = [&](UdpBatch::Bytes data, std::size_t segment) {
        back += (data.size() + segment - 1) / segment;
      };
      if (Failure failure = receive(count, [&] { return back > 0; }); !failure.empty()) {
        return failure;
      }
      done += back;
      out -= std::min(out, back);
      for (to_send = 0; to_send < back && budget.take();) ++to_send;
    }
    return {};
  }

  Failure upload(std::size_t bytes, Budget& budget, std::uint64_t& sent) override {
    Counted counted;
    if (Failure failure = ask(counted); !failure.empty()) return failure;
    const auto on_reply = [&](UdpBatch::Bytes data, std::size_t segment) {
      // The last one of a run is the latest.
      if (segment == sizeof counted) {
        std::memcpy(&counted, data.data() + data.size() - sizeof counted, sizeof counted);
      }
    };
    const std::size_t most = std::max<std::size_t>(1, kBurstBytes / bytes);
    const std::vector<std::uint8_t> burst(most * bytes, static_cast<std::uint8_t>(Kind::kSink));
    std::uint64_t gone = counted.bytes;
    for (bool more = true; more;) {
      std::size_t messages = 0;
      while (messages < most && (more = budget.take())) ++messages;
      socket_->queue({burst.data(), messages * bytes}, std::min(bytes, kDatagramBytes), server_);
      socket_->flush();
      sent += messages;
      gone += messages * bytes;
      Failure failure = receive(on_reply, [&] { return gone - counted.bytes <= kWindowBytes; });
      if (!failure.empty()) return failure;
    }
    return receive(on_reply, [&] { return counted.bytes == gone; });
  }

  Failure usage(ServerUsage& usage) override {
    Used used;
    if (Failure failure = ask(used); !failure.empty()) return failure;
    usage = {used.cpu_seconds, used.resident_bytes};
    return {};
  }

 private:
  void send_echoes(std::size_t count) {
    const std::vector<std::uint8_t> bytes(count * kUnaryBytes,
                                          static_cast<std::uint8_t>(Kind::kEcho));
    socket_->queue(bytes, kUnaryBytes, server_);
    socket_->flush();
  }

  // Reads until `enough`.
  template <class OnRun, class Enough>
  Failure receive(OnRun on_run, Enough enough) {
    const UdpBatch::OnRun handle = [&](UdpBatch::Bytes data, std::size_t segment,
                                       const sockaddr_in&) { on_run(data, segment); };
    while (!enough()) {
      if (socket_->receive(handle) > 0) continue;
      socket_->wait(kPatience);
      if (socket_->receive(handle) == 0) return "the server does not answer: a datagram was lost";
    }
    return {};
  }

  // Sends the empty reply as the question, and waits for the full one.
  template <class Reply>
  Failure ask(Reply& reply) {
    const Reply question;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&question);
    socket_->queue({bytes, sizeof question}, sizeof question, server_);
    socket_->flush();
    bool answered = false;
    const auto on_run = [&](UdpBatch::Bytes data, std::size_t) {
      if (data.size() != sizeof reply) return;
      std::memcpy(&reply, data.data(), sizeof reply);
      answered = true;
    };
    return receive(on_run, [&] { return answered; });
  }

  std::unique_ptr<UdpBatch> socket_;
  sockaddr_in server_;
};

std::unique_ptr<Peer> make(const ClientOptions& options, Failure& why) {
  sockaddr_in server{};
  if (!parse_ipv4(options.connect, server)) {
    why = "'" + options.connect + "' is no IPv4 address with a port";
    return nullptr;
  }
  sockaddr_in any{};
  any.sin_family = AF_INET;
  auto socket = UdpBatch::open(any, why);
  if (!socket) return nullptr;
  return std::make_unique<UdpPeer>(std::move(socket), server);
}

}  // namespace
}  // namespace bench::udp

int main(int argc, char** argv) {
  const bench::ClientProgram program{"echostream_bench_udp_client", nullptr, nullptr};
  return bench::run_peer(argc, argv, program, "udp", bench::udp::make);
}
