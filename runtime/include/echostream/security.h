// Who a node is and whom it trusts. TLS 1.3 is always on; there is no plain-text mode.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

namespace echostream {

class KnownPeers;

/// What Trust::known_peers() does with a peer that is dialled by a name nobody is known by.
enum class FirstUse : std::uint8_t {
  kRefuse,
  /// Trust on first use: it is believed this once, and from then on only its certificate is good
  /// for that name. Whoever can answer in its place the first time is believed instead of it.
  kAccept,
};

/// SHA-256 of a certificate's DER form.
class Fingerprint {
 public:
  using Digest = std::array<std::uint8_t, 32>;
  explicit Fingerprint(const Digest& digest) noexcept : digest_(digest) {}
  /// Reads 64 hexadecimal digits, with or without ':' between bytes.
  static Result<Fingerprint> parse(std::string_view text);
  const Digest& digest() const noexcept { return digest_; }
  /// "12:ab:..." in lower case.
  std::string to_string() const;
  friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;

 private:
  Digest digest_;
};

/// A certificate chain and its private key. A cheap, immutable value.
class Identity {
 public:
  /// A new ECDSA P-256 key with a self-signed certificate for `name` (a host name, an IP address,
  /// or any label), valid from a day before `now`. Peers trust it by its fingerprint.
  static Result<Identity> self_signed(std::string_view name, WallTime now,
                                      Duration validity = std::chrono::hours(24 * 365));
  /// PEM text: the leaf first, then intermediates; a PKCS#8, EC or RSA key. kInvalidArgument says
  /// which part is wrong (not PEM, encrypted key, key of another certificate).
  static Result<Identity> from_pem(std::string_view certificate_chain,
                                   std::string_view private_key);
  /// The same, read from files; the error names the file.
  static Result<Identity> from_pem_files(const std::string& certificate_chain_path,
                                         const std::string& private_key_path);

  /// Of the leaf certificate.
  Fingerprint fingerprint() const;
  std::string certificate_chain_pem() const;
  /// Secret: for saving to a file with mode 0600.
  std::string private_key_pem() const;

  struct Impl;
  explicit Identity(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  const Impl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Whom to believe. A cheap value.
class Trust {
 public:
  /// Exactly the certificates with these fingerprints, whatever their names and dates say.
  static Trust pinned(std::vector<Fingerprint> fingerprints);
  /// Certificates signed by these CAs (PEM text), valid now, for the host name that was dialled.
  static Result<Trust> certificate_authorities(std::string_view pem);
  /// The same, read from a file.
  static Result<Trust> certificate_authorities_file(const std::string& path);
  /// The CAs of the operating system. kUnavailable when it has none where we look.
  static Result<Trust> system();
  /// Those in the list: echostream/known_peers.h. Dialling, the peer must have the certificate that
  /// its name stands for; one that shows another is refused. As NodeOptions::client_trust, whoever
  /// is in the list is let in, by whatever name, and nobody else.
  static Trust known_peers(std::shared_ptr<KnownPeers> peers,
                           FirstUse first_use = FirstUse::kRefuse);
  /// Anybody. The connection is encrypted, but to whom is not known: a warning is logged for each
  /// session. For experiments on one machine only.
  static Trust insecure_accept_any();

  enum class Mode : std::uint8_t { kPinned, kAuthorities, kInsecure, kKnownPeers };
  Mode mode() const noexcept { return mode_; }
  const std::vector<Fingerprint>& fingerprints() const noexcept { return fingerprints_; }
  /// In mode kKnownPeers; null otherwise.
  const std::shared_ptr<KnownPeers>& peers() const noexcept { return peers_; }
  FirstUse first_use() const noexcept { return first_use_; }
  /// PEM text of the CAs in mode kAuthorities.
  const std::string& authorities_pem() const noexcept;

 private:
  explicit Trust(Mode mode) noexcept : mode_(mode) {}
  Mode mode_;
  std::vector<Fingerprint> fingerprints_;
  std::shared_ptr<KnownPeers> peers_;
  FirstUse first_use_ = FirstUse::kRefuse;
  std::shared_ptr<const std::string> authorities_pem_;
};

}  // namespace echostream
