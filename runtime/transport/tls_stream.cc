#include "runtime/transport/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "runtime/transport/peer_check.h"
#include "runtime/transport/tls_context_impl.h"
#include "runtime/transport/tls_error.h"

namespace echostream::transport {
namespace {

int clamp_size(std::size_t bytes) {
  return static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max()));
}

}  // namespace

struct TlsStream::Impl {
  // True when the call has done what it should; otherwise the state says what became of it.
  bool take_result(int result) {
    if (result > 0) return true;
    const int reason = SSL_get_error(ssl.get(), result);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
      ERR_clear_error();
    } else if (reason == SSL_ERROR_ZERO_RETURN) {
      ERR_clear_error();
      state = State::kEnded;
    } else {
      state = State::kFailed;
      const std::string why = take_tls_error();
      error =
          check.verdict.is_ok() ? Status(StatusCode::kUnavailable, "TLS: " + why) : check.verdict;
    }
    return false;
  }

  PeerCheck check;  // outlives ssl
  std::shared_ptr<TlsContext> context;
  bssl::UniquePtr<SSL> ssl;
  BIO* input = nullptr;  // ssl's
  BIO* output = nullptr;
  State state = State::kHandshaking;
  Status error;
};

TlsStream::TlsStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsStream::~TlsStream() = default;

std::unique_ptr<TlsStream> TlsStream::make_server(std::shared_ptr<TlsContext> context) {
  auto impl = std::make_unique<Impl>();
  impl->context = std::move(context);
  impl->ssl = make_ssl(*impl->context, impl->check);
  bssl::UniquePtr<BIO> input(BIO_new(BIO_s_mem()));
  bssl::UniquePtr<BIO> output(BIO_new(BIO_s_mem()));
  if (!impl->ssl || !input || !output) {
    ERR_clear_error();
    return nullptr;
  }
  impl->input = input.get();
  impl->output = output.get();
  SSL_set_bio(impl->ssl.get(), input.release(), output.release());
  return std::unique_ptr<TlsStream>(new TlsStream(std::move(impl)));
}

void TlsStream::handle_bytes(WallTime now, BytesView bytes) {
  Impl& impl = *impl_;
  if (impl.state == State::kFailed || impl.state == State::kEnded) return;
  if (BIO_write(impl.input, bytes.data(), clamp_size(bytes.size())) != clamp_size(bytes.size())) {
    ERR_clear_error();
    impl.state = State::kFailed;
    impl.error = Status(StatusCode::kResourceExhausted, "no memory for TLS");
    return;
  }
  if (impl.state != State::kHandshaking) return;
  impl.check.now = now;
  const HandshakeTime time(now);
  ERR_clear_error();
  if (impl.take_result(SSL_do_handshake(impl.ssl.get()))) impl.state = State::kOpen;
}

std::size_t TlsStream::read(MutableBytes out) {
  Impl& impl = *impl_;
  if (impl.state != State::kOpen || out.empty()) return 0;
  const HandshakeTime time(impl.check.now);
  ERR_clear_error();
  const int result = SSL_read(impl.ssl.get(), out.data(), clamp_size(out.size()));
  return impl.take_result(result) ? static_cast<std::size_t>(result) : 0;
}

void TlsStream::write(BytesView bytes) {
  Impl& impl = *impl_;
  while (!bytes.empty() && (impl.state == State::kOpen || impl.state == State::kEnded)) {
    ERR_clear_error();
    const int result = SSL_write(impl.ssl.get(), bytes.data(), clamp_size(bytes.size()));
    if (!impl.take_result(result)) return;
    bytes = bytes.subspan(static_cast<std::size_t>(result));
  }
}

void TlsStream::end() {
  if (impl_->state != State::kOpen && impl_->state != State::kEnded) return;
  (void)SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

std::vector<std::uint8_t> TlsStream::take_output() {
  std::vector<std::uint8_t> bytes(BIO_pending(impl_->output));
  if (!bytes.empty()) {
    const int size = BIO_read(impl_->output, bytes.data(), clamp_size(bytes.size()));
    bytes.resize(static_cast<std::size_t>(std::max(size, 0)));
  }
  return bytes;
}

TlsStream::State TlsStream::state() const { return impl_->state; }
Status TlsStream::error() const { return impl_->error; }
std::optional<PeerIdentity> TlsStream::peer_identity() const { return impl_->check.identity; }
bool TlsStream::is_resumed() const { return SSL_session_reused(impl_->ssl.get()) == 1; }

bool TlsStream::export_keying_material(std::string_view label, BytesView context,
                                       MutableBytes out) const {
  if (SSL_export_keying_material(impl_->ssl.get(), out.data(), out.size(), label.data(),
                                 label.size(), context.data(), context.size(), 1) == 1) {
    return true;
  }
  ERR_clear_error();
  return false;
}

}  // namespace echostream::transport
