// The benchmark's service over Cap'n Proto RPC with TLS, on one thread.
#include <capnp/rpc-twoparty.h>

#include <cstdio>
#include <utility>

#include "bench.capnp.h"
#include "bench/peers/capnp/tls.h"
#include "bench/support/process_usage.h"
#include "bench/support/server_options.h"

namespace bench::capnproto {
namespace {

class Handler final : public Bench::Server {
 protected:
  kj::Promise<void> echo(EchoContext context) override {
    context.getResults().setPayload(context.getParams().getPayload());
    return kj::READY_NOW;
  }
  kj::Promise<void> write(WriteContext context) override {
    ++messages_;
    bytes_ += context.getParams().getPayload().size();
    return kj::READY_NOW;
  }
  kj::Promise<void> count(CountContext context) override {
    context.getResults().setMessages(messages_);
    context.getResults().setBytes(bytes_);
    return kj::READY_NOW;
  }
  kj::Promise<void> usage(UsageContext context) override {
    context.getResults().setCpuSeconds(cpu_seconds());
    context.getResults().setResidentBytes(resident_bytes());
    return kj::READY_NOW;
  }

 private:
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
};

// A connection that fails is its client's affair.
class Listener final : private kj::TaskSet::ErrorHandler {
 public:
  Listener(kj::ConnectionReceiver& port, kj::TlsContext& tls)
      : port_(port), tls_(tls), server_(kj::heap<Handler>()), handshakes_(*this) {}

  kj::Promise<void> accept() {
    return port_.accept().then([this](kj::Own<kj::AsyncIoStream> stream) {
      send_at_once(*stream);
      handshakes_.add(tls_.wrapServer(kj::mv(stream)).then([this](kj::Own<kj::AsyncIoStream> tls) {
        server_.accept(tune(kj::mv(tls)));
      }));
      return accept();
    });
  }

 private:
  void taskFailed(kj::Exception&& exception) override {
    std::fprintf(stderr, "echostream_bench_capnp_server: %s\n", exception.getDescription().cStr());
  }

  kj::ConnectionReceiver& port_;
  kj::TlsContext& tls_;
  capnp::TwoPartyServer server_;
  kj::TaskSet handshakes_;
};

void run(const ServerOptions& options) {
  raise_file_limit();
  auto io = kj::setupAsyncIo();
  const kj::String key = read_pem(options.key);
  const kj::String certificate = read_pem(options.certificate);
  kj::TlsKeypair pair{kj::TlsPrivateKey(key), kj::TlsCertificate(certificate)};
  kj::TlsContext::Options tls_options;
  tls_options.useSystemTrustStore = false;
  tls_options.defaultKeypair = pair;
  kj::TlsContext tls(kj::mv(tls_options));
  auto address = io.provider->getNetwork().parseAddress(options.listen.c_str()).wait(io.waitScope);
  auto port = address->listen();
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  std::printf("listening %s:%u\n", host.c_str(), port->getPort());
  std::fflush(stdout);
  Listener listener(*port, tls);
  listener.accept().wait(io.waitScope);
}

}  // namespace
}  // namespace bench::capnproto

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options =
      bench::parse_server_options(argc, argv, "echostream_bench_capnp_server", true, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  // kj reports by exceptions.
  try {
    bench::capnproto::run(*options);
  } catch (const kj::Exception& exception) {
    std::fprintf(stderr, "echostream_bench_capnp_server: %s\n", exception.getDescription().cStr());
  }
  return 1;
}
