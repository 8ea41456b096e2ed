#include "bench/peers/capnp/tls.h"

#include <kj/debug.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <fstream>
#include <sstream>
#include <utility>

namespace bench::capnproto {
namespace {

constexpr int kWindowBytes = 1024 * 1024;

// Passes everything on; answers one question that a TLS stream does not.
class TunedStream final : public kj::AsyncIoStream {
 public:
  explicit TunedStream(kj::Own<kj::AsyncIoStream> inner) : inner_(kj::mv(inner)) {}

  kj::Promise<size_t> read(void* buffer, size_t least, size_t most) override {
    return inner_->read(buffer, least, most);
  }
  kj::Promise<size_t> tryRead(void* buffer, size_t least, size_t most) override {
    return inner_->tryRead(buffer, least, most);
  }
  kj::Promise<void> write(const void* buffer, size_t size) override {
    return inner_->write(buffer, size);
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return inner_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return inner_->whenWriteDisconnected(); }
  void shutdownWrite() override { inner_->shutdownWrite(); }
  void abortRead() override { inner_->abortRead(); }
  void getsockopt(int level, int option, void* value, kj::uint* size) override {
    if (level != SOL_SOCKET || option != SO_SNDBUF || *size < sizeof kWindowBytes) {
      return inner_->getsockopt(level, option, value, size);
    }
    *static_cast<int*>(value) = kWindowBytes;
    *size = sizeof kWindowBytes;
  }

 private:
  kj::Own<kj::AsyncIoStream> inner_;
};

}  // namespace

kj::String read_pem(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  KJ_REQUIRE(in.good(), "cannot read the file", path.c_str());
  return kj::str(text.str().c_str());
}

kj::Own<kj::AsyncIoStream> tune(kj::Own<kj::AsyncIoStream> tls_stream) {
  return kj::heap<TunedStream>(kj::mv(tls_stream));
}

void send_at_once(kj::AsyncIoStream& tcp_stream) {
  const int on = 1;
  tcp_stream.setsockopt(IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace bench::capnproto
