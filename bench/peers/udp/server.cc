// Echoes and counts datagrams: the limit of the machine without encryption or reliability.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "bench/peers/udp/protocol.h"
#include "bench/support/process_usage.h"
#include "bench/support/server_options.h"
#include "bench/support/udp_batch.h"

namespace bench::udp {
namespace {

template <class Reply>
void answer(UdpBatch& socket, const Reply& reply, const sockaddr_in& to) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&reply);
  socket.queue({bytes, sizeof reply}, sizeof reply, to);
}

// All datagrams of a run are of one sender and one size, but not always of one kind: the client
// sends a kCount after kSink ones only, where it is shorter and so the last of its run.
class Server {
 public:
  explicit Server(UdpBatch& socket) : socket_(socket) {}

  void handle(UdpBatch::Bytes data, std::size_t segment, const sockaddr_in& from) {
    if (data.empty()) return;
    if (static_cast<Kind>(data[0]) == Kind::kEcho) return socket_.queue(data, segment, from);
    while (!data.empty()) {
      const UdpBatch::Bytes datagram = data.first(std::min(segment, data.size()));
      handle_one(datagram, from);
      data = data.subspan(datagram.size());
    }
    // The sender holds back what would overflow the socket's buffer, so it has to be told.
    if (sunk_now_) answer(socket_, Counted{Kind::kCount, sunk_bytes_}, from);
    sunk_now_ = false;
  }

 private:
  void handle_one(UdpBatch::Bytes datagram, const sockaddr_in& from) {
    switch (static_cast<Kind>(datagram[0])) {
      case Kind::kEcho:
        return socket_.queue(datagram, datagram.size(), from);
      case Kind::kSink:
        sunk_bytes_ += datagram.size();
        sunk_now_ = true;
        return;
      case Kind::kCount:
        return answer(socket_, Counted{Kind::kCount, sunk_bytes_}, from);
      case Kind::kUsage:
        return answer(socket_,
                      Used{Kind::kUsage, cpu_seconds(), static_cast<double>(resident_bytes())},
                      from);
    }
  }

  UdpBatch& socket_;
  std::uint64_t sunk_bytes_ = 0;
  bool sunk_now_ = false;
};

int run(const ServerOptions& options) {
  sockaddr_in local{};
  std::string why = "'" + options.listen + "' is no IPv4 address with a port";
  std::unique_ptr<UdpBatch> socket;
  if (parse_ipv4(options.listen, local)) socket = UdpBatch::open(local, why);
  if (!socket) {
    std::fprintf(stderr, "echostream_bench_udp_server: %s\n", why.c_str());
    return 1;
  }
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  std::printf("listening %s:%d\n", host.c_str(), ntohs(socket->local().sin_port));
  std::fflush(stdout);
  Server server(*socket);
  const UdpBatch::OnRun handle = [&](UdpBatch::Bytes data, std::size_t segment,
                                     const sockaddr_in& from) {
    server.handle(data, segment, from);
  };
  for (;;) {
    socket->wait(-1);
    while (socket->receive(handle) == UdpBatch::kMostReads) continue;
    socket->flush();
  }
}

}  // namespace
}  // namespace bench::udp

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options =
      bench::parse_server_options(argc, argv, "echostream_bench_udp_server", false, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  return bench::udp::run(*options);
}
