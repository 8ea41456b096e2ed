// Echoes streams and counts messages over bare QUIC.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "bench/peers/ngtcp2/endpoint.h"
#include "bench/peers/ngtcp2/protocol.h"
#include "bench/support/process_usage.h"
#include "bench/support/server_options.h"

namespace bench::quic {
namespace {

template <class Reply>
std::string bytes_of(const Reply& reply) {
  std::string bytes(sizeof reply, '\0');
  std::memcpy(bytes.data(), &reply, sizeof reply);
  return bytes;
}

class Handler final : public StreamHandler {
 public:
  void on_data(Connection& connection, std::int64_t id, Stream& stream, Bytes data,
               bool fin) override {
    const bool is_first = stream.received.empty() && !data.empty();
    if (is_first) stream.received.push_back(static_cast<char>(data[0]));
    if (kind_of(stream) == Kind::kUpload) {
      count_messages(stream, data);
    } else {
      if (is_first) data = data.subspan(1);
      stream.received.append(data.begin(), data.end());
    }
    if (!fin) return;
    stream.bytes = answer(stream);
    stream.total = stream.bytes.size();
    stream.fin = true;
    if (!stream.bytes.empty()) connection.send(id, stream);
  }

 private:
  static Kind kind_of(const Stream& stream) {
    return stream.received.empty() ? Kind::kEcho : static_cast<Kind>(stream.received[0]);
  }

  static std::string answer(Stream& stream) {
    switch (kind_of(stream)) {
      case Kind::kEcho:
        return std::move(stream.received);
      case Kind::kUpload:
        return bytes_of(Counted{stream.messages, stream.message_bytes});
      case Kind::kUsage:
        return bytes_of(Used{cpu_seconds(), static_cast<double>(resident_bytes())});
    }
    return {};
  }

  static void count_messages(Stream& stream, Bytes data) {
    while (!data.empty()) {
      if (stream.message_left > 0) {
        const auto piece = std::min<std::uint64_t>(stream.message_left, data.size());
        stream.message_left -= piece;
        data = data.subspan(static_cast<std::size_t>(piece));
        if (stream.message_left == 0) ++stream.messages;
        continue;
      }
      stream.header |= static_cast<std::uint32_t>(data[0]) << 8 * stream.header_bytes++;
      data = data.subspan(1);
      if (stream.header_bytes < sizeof stream.header) continue;
      stream.message_left = stream.header >> kLengthShift;
      stream.message_bytes += stream.message_left;
      if (stream.message_left == 0) ++stream.messages;
      stream.header = 0;
      stream.header_bytes = 0;
    }
  }
};

int fail(const std::string& why) {
  std::fprintf(stderr, "echostream_bench_ngtcp2_server: %s\n", why.c_str());
  return 1;
}

int run(const ServerOptions& options) {
  raise_file_limit();
  sockaddr_in local{};
  if (!parse_ipv4(options.listen, local)) {
    return fail("'" + options.listen + "' is no IPv4 address with a port");
  }
  const echostream::WallTime now(std::chrono::duration_cast<echostream::Duration>(
      std::chrono::system_clock::now().time_since_epoch()));
  auto identity = echostream::Identity::self_signed("localhost", now);
  if (!identity) return fail(identity.error().to_string());
  Endpoint::TlsContext::Options tls_options;
  tls_options.alpn = {kAlpn};
  tls_options.resumption = false;
  tls_options.identity = *identity;
  auto tls = Endpoint::TlsContext::make_server(std::move(tls_options));
  if (!tls) return fail(tls.error().to_string());
  std::string why;
  auto socket = UdpBatch::open(local, why);
  if (!socket) return fail(why);
  Handler handler;
  Endpoint endpoint(std::move(socket), *tls, true, handler);
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  std::printf("listening %s:%d fingerprint %s\n", host.c_str(), ntohs(endpoint.local().sin_port),
              identity->fingerprint().to_string().c_str());
  std::fflush(stdout);
  for (;;) endpoint.turn(-1);
}

}  // namespace
}  // namespace bench::quic

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options =
      bench::parse_server_options(argc, argv, "echostream_bench_ngtcp2_server", false, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  return bench::quic::run(*options);
}
