#include "runtime/transport/tls_stream.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/tls_pair.h"

namespace echostream::transport {
namespace {

using namespace echostream::testing;
using State = TlsStream::State;

Identity server_identity() { return Identity::self_signed("server", kCertificateTestTime).value(); }

// A client of BoringSSL's, joined to a stream of ours.
struct StreamPair {
  explicit StreamPair(std::shared_ptr<TlsContext> server_context, Trust trust)
      : client_context(client_trusting(std::move(trust))),
        server(TlsStream::make_server(std::move(server_context))) {
    check.server_name = kHost;
    check.now = kCertificateTestTime;
    ssl = make_ssl(*client_context, check);
    input = BIO_new(BIO_s_mem());
    output = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl.get(), input, output);
  }

  void exchange(std::size_t piece = 100'000) {
    for (int turn = 0; turn < 10; ++turn) {
      if (!is_open) is_open = SSL_do_handshake(ssl.get()) == 1;
      ERR_clear_error();
      std::vector<std::uint8_t> bytes(100'000);
      const int size = BIO_read(output, bytes.data(), static_cast<int>(bytes.size()));
      for (int at = 0; at < size; at += static_cast<int>(piece)) {
        const auto next = std::min(piece, static_cast<std::size_t>(size - at));
        server->handle_bytes(kCertificateTestTime,
                             BytesView(bytes).subspan(static_cast<std::size_t>(at), next));
      }
      const std::vector<std::uint8_t> back = server->take_output();
      (void)BIO_write(input, back.data(), static_cast<int>(back.size()));
    }
  }
  std::string read_at_server() {
    std::string text;
    std::array<std::uint8_t, 1000> piece;
    while (const std::size_t size = server->read(piece)) {
      text += as_text(BytesView(piece).first(size));
    }
    return text;
  }
  std::string read_at_client() {
    std::array<char, 1000> piece;
    const int size = SSL_read(ssl.get(), piece.data(), piece.size());
    ERR_clear_error();
    return {piece.data(), static_cast<std::size_t>(std::max(size, 0))};
  }

  PeerCheck check;
  std::shared_ptr<TlsContext> client_context;
  bssl::UniquePtr<SSL> ssl;
  BIO* input = nullptr;
  BIO* output = nullptr;
  std::unique_ptr<TlsStream> server;
  bool is_open = false;
};

TEST(TlsStream, CarriesBytesBothWays) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100'000}}) {
    const Identity identity = server_identity();
    StreamPair pair(server_with(identity), Trust::pinned({identity.fingerprint()}));
    pair.exchange(piece);
    ASSERT_TRUE(pair.is_open);
    EXPECT_EQ(pair.server->state(), State::kOpen);
    (void)SSL_write(pair.ssl.get(), "hello", 5);
    pair.exchange(piece);
    EXPECT_EQ(pair.read_at_server(), "hello");
    pair.server->write(as_bytes(std::string_view("and back")));
    pair.exchange(piece);
    EXPECT_EQ(pair.read_at_client(), "and back");
    EXPECT_FALSE(pair.server->is_resumed());
    EXPECT_FALSE(pair.server->peer_identity());
    std::array<std::uint8_t, 32> material{};
    EXPECT_TRUE(pair.server->export_keying_material("EXPORTER-test", {}, material));
  }
}

TEST(TlsStream, TellsWhenThePeerHasSaidItsLastWord) {
  const Identity identity = server_identity();
  StreamPair pair(server_with(identity), Trust::pinned({identity.fingerprint()}));
  pair.exchange();
  (void)SSL_write(pair.ssl.get(), "last", 4);
  (void)SSL_shutdown(pair.ssl.get());
  pair.exchange();
  EXPECT_EQ(pair.read_at_server(), "last");
  EXPECT_EQ(pair.server->state(), State::kEnded);
  pair.server->write(as_bytes(std::string_view("answer")));
  pair.server->end();
  pair.exchange();
  EXPECT_EQ(pair.read_at_client(), "answer");
  EXPECT_EQ(pair.read_at_client(), "");
  EXPECT_EQ(SSL_get_shutdown(pair.ssl.get()) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}

TEST(TlsStream, SaysWhatIsWrongAndHasAnAlertForThePeer) {
  for (const char* bytes :
       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02", "SSH-2.0-x\r\n",
        "nonsense of some length, which is none of TLS's records"}) {
    const auto server = TlsStream::make_server(server_with(server_identity()));
    server->handle_bytes(kCertificateTestTime, as_bytes(std::string_view(bytes)));
    if (server->state() == State::kHandshaking) continue;  // it waits for the rest of a record
    EXPECT_EQ(server->state(), State::kFailed) << bytes;
    EXPECT_EQ(server->error().code(), StatusCode::kUnavailable) << bytes;
    std::array<std::uint8_t, 10> piece;
    EXPECT_EQ(server->read(piece), 0u);
    server->write(as_bytes(std::string_view("nothing")));
    server->end();
  }
}

TEST(TlsStream, AsksForTheCertificatesThatItsContextAsksFor) {
  const Identity identity = server_identity();
  TlsContext::Options options = server_options(identity);
  options.trust = Trust::pinned({identity.fingerprint()});
  StreamPair pair(TlsContext::make_server(options).value(),
                  Trust::pinned({identity.fingerprint()}));
  pair.exchange();
  EXPECT_EQ(pair.server->state(), State::kFailed);
  EXPECT_EQ(pair.server->error().code(), StatusCode::kUnauthenticated);
}

TEST(TlsStream, FailsWhenWhatComesWasChanged) {
  const Identity identity = server_identity();
  StreamPair pair(server_with(identity), Trust::pinned({identity.fingerprint()}));
  pair.exchange();
  (void)SSL_write(pair.ssl.get(), "hello", 5);
  std::vector<std::uint8_t> bytes(1000);
  const int size = BIO_read(pair.output, bytes.data(), static_cast<int>(bytes.size()));
  ASSERT_GT(size, 10);
  bytes[static_cast<std::size_t>(size) - 1] ^= 1;
  pair.server->handle_bytes(kCertificateTestTime,
                            BytesView(bytes).first(static_cast<std::size_t>(size)));
  EXPECT_EQ(pair.read_at_server(), "");
  EXPECT_EQ(pair.server->state(), State::kFailed);
}

}  // namespace
}  // namespace echostream::transport
