// Who the peer of a session has shown itself to be: Session::peer_identity().
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/time.h"
#include "echostream/security.h"

namespace echostream {

/// The peer's leaf certificate as far as a program may want to decide by it, and how it was
/// verified. A cheap, immutable value; it outlives the session.
///
/// Names are exact or absent, never shortened: one with control characters, of a wrong form or of
/// more than 2048 bytes is left out and counted in omitted_names(), as are those after the 64th. So
/// no name that is seen here is a part of another one.
///
/// Names mean something only as far as whoever vouches for the certificate has checked them: with
/// Trust::certificate_authorities() the CA has; with Trust::pinned() the fingerprint is the
/// identity, and the names are what the peer calls itself; with Trust::insecure_accept_any() nobody
/// has checked anything.
class PeerIdentity {
 public:
  struct Details {
    Fingerprint fingerprint{Fingerprint::Digest{}};
    Trust::Mode verified_by = Trust::Mode::kInsecure;
    std::string common_name;
    std::vector<std::string> dns_names;
    std::vector<std::string> ip_addresses;
    std::vector<std::string> uris;
    std::vector<std::string> email_addresses;
    std::size_t omitted_names = 0;
    WallTime not_before{};
    WallTime not_after{};
  };
  explicit PeerIdentity(std::shared_ptr<const Details> details) noexcept
      : details_(std::move(details)) {}

  const Fingerprint& fingerprint() const noexcept { return details_->fingerprint; }
  /// What made this side believe the peer: its pinned fingerprint, a CA, or nothing.
  Trust::Mode verified_by() const noexcept { return details_->verified_by; }
  /// The subject's common name in UTF-8, empty when there is none. For people: programs should
  /// decide by the alternative names below (RFC 9525 6.3).
  const std::string& common_name() const noexcept { return details_->common_name; }
  /// The subject's alternative names (RFC 5280 4.2.1.6). Host names in lower case, perhaps with
  /// "*." before them.
  const std::vector<std::string>& dns_names() const noexcept { return details_->dns_names; }
  /// "192.0.2.1", "2001:db8::1".
  const std::vector<std::string>& ip_addresses() const noexcept { return details_->ip_addresses; }
  /// "spiffe://example.org/robot/7".
  const std::vector<std::string>& uris() const noexcept { return details_->uris; }
  const std::vector<std::string>& email_addresses() const noexcept {
    return details_->email_addresses;
  }
  /// How many names the certificate has that are not shown here.
  std::size_t omitted_names() const noexcept { return details_->omitted_names; }
  /// The certificate's validity. With Trust::pinned() nobody has compared it with the clock.
  WallTime not_before() const noexcept { return details_->not_before; }
  WallTime not_after() const noexcept { return details_->not_after; }

 private:
  std::shared_ptr<const Details> details_;
};

}  // namespace echostream
