// TLS 1.3 over a byte stream, a server's end: what TCP carries into what it says, and back. No
// sockets, no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/status.h"
#include "echostream/base/time.h"
#include "echostream/peer_identity.h"

#include "runtime/transport/tls_context.h"

namespace echostream::transport {

class TlsStream {
 public:
  enum class State : std::uint8_t {
    kHandshaking,
    kOpen,
    kEnded,   // the peer has said that it sends no more; it can still be written to
    kFailed,  // error() says why; take_output() has the alert for the peer
  };

  /// Null when there is no memory for it.
  static std::unique_ptr<TlsStream> make_server(std::shared_ptr<TlsContext> context);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Bytes that the peer sent; the handshake goes on with them. Held until read() has taken what
  /// they say: whoever does not read gives it no more.
  void handle_bytes(WallTime now, BytesView bytes);
  /// What the peer said; how many bytes of it. 0: nothing now.
  std::size_t read(MutableBytes out);
  /// After the handshake: to be sent to the peer.
  void write(BytesView bytes);
  /// This side writes no more, and says so.
  void end();
  /// What is to be sent, since the last call.
  std::vector<std::uint8_t> take_output();

  State state() const;
  /// In kFailed.
  Status error() const;
  std::optional<PeerIdentity> peer_identity() const;
  bool is_resumed() const;
  bool export_keying_material(std::string_view label, BytesView context, MutableBytes out) const;

  struct Impl;

 private:
  explicit TlsStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream::transport
