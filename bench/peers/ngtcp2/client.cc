// The benchmark's rows over bare QUIC: what ngtcp2 costs before anything is put on it.
#include <cstring>
#include <utility>

#include "bench/peers/ngtcp2/endpoint.h"
#include "bench/peers/ngtcp2/protocol.h"
#include "bench/support/peer.h"

namespace bench::quic {
namespace {

constexpr std::int64_t kPatience = 10'000'000'000;
// Unsent bytes above which the sender waits: as EchoStream's Limits::send_high_water_bytes.
constexpr std::uint64_t kMostUnsent = 256 * 1024;

class QuicPeer final : public Peer, private StreamHandler {
 public:
  QuicPeer(std::unique_ptr<UdpBatch> socket, std::shared_ptr<Endpoint::TlsContext> tls,
           const sockaddr_in& server)
      : endpoint_(std::move(socket), std::move(tls), false, *this),
        server_(server),
        echo_(1 + kUnaryBytes, 'x') {
    echo_[0] = static_cast<char>(Kind::kEcho);
  }

  Failure connect(Connection*& connection) {
    connection = &endpoint_.dial(server_);
    return turn_until(*connection, [&] { return connection->is_open(); });
  }

  Failure connect() { return connect(main_); }

  bool has(const std::string& row) const override {
    return row != kMediaBesideBulk && row != kLoss && row != kGrowth;
  }

  Failure echo() override { return echo_on(*main_); }

  Failure echo_many(std::size_t outstanding, Budget& budget, std::uint64_t& done) override {
    replies_ = 0;
    budget_ = &budget;
    std::uint64_t started = 0;
    while (started < outstanding && budget.take()) {
      if (!start(*main_, echo_)) return "the server allows too few streams";
      ++started;
    }
    started_ = started;
    Failure failure = turn_until(*main_, [this] { return replies_ == started_; });
    budget_ = nullptr;
    done += replies_;
    return failure.empty() ? wrong_ : failure;
  }

  Failure upload(std::size_t bytes, Budget& budget, std::uint64_t& sent) override {
    const std::int64_t id = main_->open_stream();
    if (id < 0) return "the server allows no stream";
    Stream* stream = main_->find(id);
    stream->bytes = framed_messages(bytes);
    const std::uint64_t message_bytes = sizeof(std::uint32_t) + bytes;
    while (budget.take()) {
      stream->total += message_bytes;
      ++sent;
      main_->send(id, *stream);
      if (stream->total - stream->sent < kMostUnsent) continue;
      endpoint_.touch(*main_);
      Failure failure =
          turn_until(*main_, [&] { return stream->total - stream->sent < kMostUnsent / 2; });
      if (!failure.empty()) return failure;
    }
    stream->fin = true;
    Counted counted;
    Failure failure = await_reply(*main_, id, *stream, counted);
    if (!failure.empty()) return failure;
    return counted.messages == sent && counted.bytes == sent * bytes
               ? ""
               : "the server counted other messages than were sent";
  }

  Failure usage(ServerUsage& usage) override {
    const std::int64_t id = main_->open_stream();
    if (id < 0) return "the server allows no stream";
    Stream* stream = main_->find(id);
    stream->bytes = static_cast<char>(Kind::kUsage);
    stream->total = 1;
    stream->fin = true;
    Used used;
    Failure failure = await_reply(*main_, id, *stream, used);
    usage = {used.cpu_seconds, used.resident_bytes};
    return failure;
  }

  Failure echo_on_new_connection(bool hold) override {
    Connection* connection = nullptr;
    if (Failure failure = connect(connection); !failure.empty()) return failure;
    Failure failure = echo_on(*connection);
    if (!hold) endpoint_.close(*connection);
    return failure;
  }

 private:
  void on_data(Connection& connection, std::int64_t, Stream& stream, Bytes data,
               bool fin) override {
    stream.received.append(data.begin(), data.end());
    if (!fin) return;
    last_reply_ = std::move(stream.received);
    ++replies_;
    if (budget_ == nullptr) return;
    if (last_reply_ != echo_) wrong_ = "the reply is not what was sent";
    if (wrong_.empty() && budget_->take() && start(connection, echo_)) ++started_;
  }

  // One call: the stream is sent with the next turn.
  bool start(Connection& connection, const std::string& bytes) {
    const std::int64_t id = connection.open_stream();
    if (id < 0) return false;
    Stream* stream = connection.find(id);
    stream->bytes = bytes;
    stream->total = bytes.size();
    stream->fin = true;
    connection.send(id, *stream);
    endpoint_.touch(connection);
    return true;
  }

  Failure echo_on(Connection& connection) {
    replies_ = 0;
    if (!start(connection, echo_)) return "the server allows no stream";
    Failure failure = turn_until(connection, [this] { return replies_ == 1; });
    if (!failure.empty()) return failure;
    return last_reply_ == echo_ ? "" : "the reply is not what was sent";
  }

  template <class Reply>
  Failure await_reply(Connection& connection, std::int64_t id, Stream& stream, Reply& reply) {
    replies_ = 0;
    connection.send(id, stream);
    endpoint_.touch(connection);
    Failure failure = turn_until(connection, [this] { return replies_ == 1; });
    if (!failure.empty()) return failure;
    if (last_reply_.size() != sizeof reply) return "the reply is not what was asked for";
    std::memcpy(&reply, last_reply_.data(), sizeof reply);
    return {};
  }

  template <class Condition>
  Failure turn_until(Connection& connection, Condition condition) {
    while (!condition()) {
      endpoint_.turn(kPatience);
      if (connection.is_over()) return "the connection broke";
    }
    return {};
  }

  // Whole messages with their headers, which a stream sends again and again.
  static std::string framed_messages(std::size_t bytes) {
    const auto header = static_cast<std::uint32_t>(bytes << kLengthShift) |
                        static_cast<std::uint32_t>(Kind::kUpload);
    std::string out(sizeof header, '\0');
    std::memcpy(out.data(), &header, sizeof header);
    out.append(bytes, 'x');
    const std::string one = out;
    while (out.size() < kBulkBytes) out += one;
    return out;
  }

  Endpoint endpoint_;
  sockaddr_in server_;
  std::string echo_;
  Connection* main_ = nullptr;
  std::string last_reply_;
  std::uint64_t replies_ = 0;
  std::uint64_t started_ = 0;
  Budget* budget_ = nullptr;
  Failure wrong_;
};

Failure parse_server(const ClientOptions& options, sockaddr_in& server,
                     Endpoint::TlsContext::Options& tls) {
  if (!parse_ipv4(options.connect, server)) {
    return "'" + options.connect + "' is no IPv4 address with a port";
  }
  auto fingerprint = echostream::Fingerprint::parse(options.credential);
  if (!fingerprint) return fingerprint.error().to_string();
  tls.alpn = {kAlpn};
  tls.resumption = false;
  tls.trust = echostream::Trust::pinned({*fingerprint});
  return {};
}

std::unique_ptr<Peer> make(const ClientOptions& options, Failure& why) {
  sockaddr_in server{};
  Endpoint::TlsContext::Options tls_options;
  why = parse_server(options, server, tls_options);
  if (!why.empty()) return nullptr;
  auto tls = Endpoint::TlsContext::make_client(std::move(tls_options));
  if (!tls) {
    why = tls.error().to_string();
    return nullptr;
  }
  sockaddr_in any{};
  any.sin_family = AF_INET;
  auto socket = UdpBatch::open(any, why);
  if (!socket) return nullptr;
  auto peer = std::make_unique<QuicPeer>(std::move(socket), *tls, server);
  why = peer->connect();
  if (!why.empty()) return nullptr;
  return peer;
}

}  // namespace
}  // namespace bench::quic

int main(int argc, char** argv) {
  const bench::ClientProgram program{"echostream_bench_ngtcp2_client", "--fingerprint",
                                     "HEX, as the server prints it"};
  return bench::run_peer(argc, argv, program, "ngtcp2", bench::quic::make);
}
