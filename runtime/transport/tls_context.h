// TLS settings of one role: identity, trust and ALPN, held in a BoringSSL SSL_CTX that many
// connections share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/security.h"

#include "runtime/transport/trace_sinks.h"

namespace echostream::transport {

class TlsContext {
 public:
  struct Options {
    /// ALPN protocols, most wanted first.
    std::vector<std::string> alpn;
    /// Required for a server; a client sends one only when the server asks.
    std::optional<Identity> identity;
    /// A server's further ones, each for the host names in its certificate; `identity` is for all
    /// others.
    std::vector<Identity> more_identities;
    /// Required for a client. For a server: ask for, and check, a client certificate.
    std::optional<Trust> trust;
    /// TLS 1.3 cipher suites in OpenSSL's names, most wanted first; empty = by hardware. Exists for
    /// tests against other stacks.
    std::vector<std::string> ciphers;
    /// Sessions can be resumed: a server gives tickets out, a client hands them to its sink.
    bool resumption = true;
    /// A server takes early data with tickets that were not used before. Needs `resumption`.
    bool early_data = true;
    /// Gets each connection's secrets. Null, the default: nobody does.
    std::shared_ptr<KeyLogSink> key_log;
  };

  static Result<std::shared_ptr<TlsContext>> make_client(Options options);
  static Result<std::shared_ptr<TlsContext>> make_server(Options options);
  ~TlsContext();

  /// Text that is equal for client contexts of the same ALPN protocols, trust and identity: tickets
  /// of one must not be used in another, where early data would go out to those whom it distrusts.
  std::string ticket_scope() const;

  struct Impl;
  Impl& impl() noexcept { return *impl_; }
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream::transport
