// The benchmark's rows over Cap'n Proto RPC with TLS.
#include <capnp/rpc-twoparty.h>
#include <kj/debug.h>

#include <cstdio>
#include <utility>

#include "bench.capnp.h"
#include "bench/peers/capnp/tls.h"
#include "bench/support/peer.h"

namespace bench::capnproto {
namespace {

class Connection {
 public:
  explicit Connection(kj::Own<kj::AsyncIoStream> stream)
      : stream_(kj::mv(stream)), rpc_(*stream_), bench_(rpc_.bootstrap().castAs<Bench>()) {}
  Bench::Client& bench() { return bench_; }

 private:
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyClient rpc_;
  Bench::Client bench_;
};

class CapnpPeer final : public Peer {
 public:
  explicit CapnpPeer(const ClientOptions& options)
      : io_(kj::setupAsyncIo()),
        certificate_(read_pem(options.credential)),
        tls_(tls_options()),
        address_(
            io_.provider->getNetwork().parseAddress(options.connect.c_str()).wait(io_.waitScope)),
        payload_(kj::heapArray<kj::byte>(kBulkBytes)),
        connection_(connect()) {
    for (kj::byte& byte : payload_) byte = 'x';
  }

  // What kj destroys may throw; that is the program's end anyway.
  ~CapnpPeer() noexcept override {}

  bool has(const std::string& row) const override {
    return row != kMediaBesideBulk && row != kLoss && row != kGrowth;
  }

  Failure echo() override {
    call(connection_->bench()).wait(io_.waitScope);
    return {};
  }

  Failure echo_many(std::size_t outstanding, Budget& budget, std::uint64_t& done) override {
    kj::Vector<kj::Promise<void>> callers;
    for (std::size_t i = 0; i < outstanding; ++i) callers.add(keep_calling(budget, done));
    kj::joinPromises(callers.releaseAsArray()).wait(io_.waitScope);
    return {};
  }

  Failure upload(std::size_t bytes, Budget& budget, std::uint64_t& sent) override {
    Bench::Client& bench = connection_->bench();
    const std::uint64_t before = counted();
    while (budget.take()) {
      auto request = bench.writeRequest(capnp::MessageSize{bytes / sizeof(capnp::word) + 64, 0});
      request.setPayload(payload_.slice(0, bytes));
      // Resolves when flow control lets the next one go.
      request.send().wait(io_.waitScope);
      ++sent;
    }
    return counted() == before + sent ? "" : "the server counted other messages than were sent";
  }

  Failure usage(ServerUsage& usage) override {
    auto reply = connection_->bench().usageRequest().send().wait(io_.waitScope);
    usage = {reply.getCpuSeconds(), static_cast<double>(reply.getResidentBytes())};
    return {};
  }

  Failure echo_on_new_connection(bool hold) override {
    auto connection = connect();
    call(connection->bench()).wait(io_.waitScope);
    if (hold) held_.add(kj::mv(connection));
    return {};
  }

 private:
  kj::TlsContext::Options tls_options() {
    kj::TlsContext::Options options;
    options.useSystemTrustStore = false;
    options.trustedCertificates = kj::arrayPtr(&certificate_, 1);
    return options;
  }

  kj::Own<Connection> connect() {
    auto stream = address_->connect().wait(io_.waitScope);
    send_at_once(*stream);
    return kj::heap<Connection>(
        tune(tls_.wrapClient(kj::mv(stream), "localhost").wait(io_.waitScope)));
  }

  kj::Promise<void> call(Bench::Client& bench) {
    auto request = bench.echoRequest();
    request.setPayload(payload_.slice(0, kUnaryBytes));
    return request.send().then([this](capnp::Response<Bench::EchoResults>&& reply) {
      KJ_REQUIRE(reply.getPayload() == payload_.slice(0, kUnaryBytes),
                 "the reply is not what was sent");
    });
  }

  kj::Promise<void> keep_calling(Budget& budget, std::uint64_t& done) {
    if (!budget.take()) return kj::READY_NOW;
    return call(connection_->bench()).then([this, &budget, &done] {
      ++done;
      return keep_calling(budget, done);
    });
  }

  std::uint64_t counted() {
    return connection_->bench().countRequest().send().wait(io_.waitScope).getMessages();
  }

  kj::AsyncIoContext io_;
  kj::TlsCertificate certificate_;
  kj::TlsContext tls_;
  kj::Own<kj::NetworkAddress> address_;
  kj::Array<kj::byte> payload_;
  kj::Own<Connection> connection_;
  kj::Vector<kj::Own<Connection>> held_;
};

std::unique_ptr<Peer> make(const ClientOptions& options, Failure&) {
  return std::make_unique<CapnpPeer>(options);
}

}  // namespace
}  // namespace bench::capnproto

int main(int argc, char** argv) {
  const bench::ClientProgram program{"echostream_bench_capnp_client", "--certificate",
                                     "FILE, the server's certificate (PEM)"};
  // kj reports by exceptions.
  try {
    return bench::run_peer(argc, argv, program, "capnp", bench::capnproto::make);
  } catch (const kj::Exception& exception) {
    std::fprintf(stderr, "echostream_bench_capnp_client: %s\n", exception.getDescription().cStr());
  }
  return 1;
}
