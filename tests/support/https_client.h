// A client of HTTPS/1.1 that keeps no rules: TLS on a byte stream of the simulator, over which a
// test writes any text, and the text that came back.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/sim/sim_tcp.h"
#include "runtime/transport/peer_check.h"
#include "runtime/transport/tls_context.h"

namespace echostream::testing {

class HttpsClient final : private TcpHandler {
 public:
  /// `context`: transport::TlsContext::make_client() with ALPN "http/1.1". Nobody may listen there.
  HttpsClient(SimLoop& loop, const SocketAddress& server, transport::TlsContext& context)
      : tcp_(loop.connect_tcp(server)) {
    check_.now = loop.wall_time();
    ssl_ = transport::make_ssl(context, check_);
    input_ = BIO_new(BIO_s_mem());
    output_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), input_, output_);
    if (tcp_ == nullptr) return;
    tcp_->start(*this);
    step();
  }

  bool is_open() const { return is_open_; }
  /// The server's last word was that there is no more (close_notify), or it is just gone.
  bool has_ended() const { return has_ended_; }
  bool is_gone() const { return is_gone_; }
  bool has_failed() const { return has_failed_; }
  std::string alpn() const {
    const std::uint8_t* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return std::string(as_text({name, size}));
  }

  void send(std::string_view words) {
    (void)SSL_write(ssl_.get(), words.data(), static_cast<int>(words.size()));
    flush();
  }
  /// Bytes beneath TLS.
  void send_raw(std::string_view bytes) { (void)tcp_->write(as_bytes(bytes)); }
  void set_reading(bool on) { tcp_->set_reading(on); }
  /// Says that it sends no more: of TLS, and of TCP.
  void end() {
    (void)SSL_shutdown(ssl_.get());
    flush();
    tcp_->end_writing();
  }
  void end_without_a_word() { tcp_->end_writing(); }
  void reset() { tcp_->reset(); }
  void leave() { tcp_.reset(); }

  /// What came.
  std::string text;
  std::size_t raw_bytes = 0;

 private:
  void handle_bytes(BytesView bytes) override {
    raw_bytes += bytes.size();
    (void)BIO_write(input_, bytes.data(), static_cast<int>(bytes.size()));
    step();
  }
  void handle_end() override { is_gone_ = true; }
  void handle_writable() override { flush(); }
  void handle_failed(const Status&) override {
    is_gone_ = true;
    has_failed_ = true;
  }

  void step() {
    ERR_clear_error();
    if (!is_open_) is_open_ = SSL_do_handshake(ssl_.get()) == 1;
    std::array<char, 16384> piece;
    int size = 0;
    while (is_open_ && (size = SSL_read(ssl_.get(), piece.data(), piece.size())) > 0) {
      text.append(piece.data(), static_cast<std::size_t>(size));
    }
    if (is_open_) has_ended_ = SSL_get_error(ssl_.get(), size) == SSL_ERROR_ZERO_RETURN;
    flush();
  }
  void flush() {
    std::array<char, 16384> piece;
    int size = 0;
    while ((size = BIO_read(output_, piece.data(), piece.size())) > 0) {
      unsent_.append(piece.data(), static_cast<std::size_t>(size));
    }
    unsent_.erase(0, tcp_->write(as_bytes(unsent_)));
  }

  transport::PeerCheck check_;  // outlives ssl_
  bssl::UniquePtr<SSL> ssl_;
  BIO* input_ = nullptr;
  BIO* output_ = nullptr;
  std::string unsent_;
  bool is_open_ = false;
  bool has_ended_ = false;
  bool is_gone_ = false;
  bool has_failed_ = false;
  std::unique_ptr<SimTcpConnection> tcp_;
};

/// Responses of HTTP/1.1 with a length, read one after the other off the front of `text`.
struct HttpsResponse {
  std::string head;  // in lower case, with an empty line
  std::string body;
  int status = 0;

  bool has(std::string_view line) const {
    return head.find(std::string(line) + "\r\n") != std::string::npos;
  }
};

/// Status 0: there is none that is complete.
inline HttpsResponse take_response(std::string& text) {
  HttpsResponse response;
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return response;
  std::string head = text.substr(0, end + 4);
  for (char& c : head) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  std::size_t length = 0;
  constexpr std::string_view kLength = "\r\ncontent-length: ";
  if (const std::size_t at = head.find(kLength); at != std::string::npos) {
    length = std::stoul(head.substr(at + kLength.size()));
  }
  if (text.size() < head.size() + length) return response;
  response.body = text.substr(head.size(), length);
  response.status = std::stoi(head.substr(std::string_view("http/1.1 ").size()));
  text.erase(0, head.size() + length);
  response.head = std::move(head);
  return response;
}

}  // namespace echostream::testing
