// Who a call is made for, once that was proved: what the plugin auth_token finds out, and handlers,
// rate_limit and logging go by.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/time.h"

namespace echostream {

/// In the state of a call (Call::state(), InterceptedCall::state()) when its caller has proved who
/// it is; otherwise there is none. A cheap, immutable value.
///
/// ```
/// const AuthenticatedPeer* caller = call.state().get<AuthenticatedPeer>();
/// if (caller == nullptr || !caller->has_scope("robot.move")) ...
/// ```
class AuthenticatedPeer {
 public:
  enum class Proof : std::uint8_t {
    kStaticToken,  // a bearer token that the configuration knows
    kSignedToken,  // one that is signed with a key of the configuration
    kCertificate,  // the client certificate of the session
  };
  struct Details {
    std::string subject;
    std::vector<std::string> scopes;
    Proof proof = Proof::kStaticToken;
    std::optional<WallTime> expires;
  };
  explicit AuthenticatedPeer(std::shared_ptr<const Details> details) noexcept
      : details_(std::move(details)) {}

  /// As the token or the configuration calls it. With kCertificate what the rule said, for example
  /// "dns:robot-7.example".
  const std::string& subject() const noexcept { return details_->subject; }
  const std::vector<std::string>& scopes() const noexcept { return details_->scopes; }
  bool has_scope(std::string_view scope) const {
    const auto& all = details_->scopes;
    return std::find(all.begin(), all.end(), scope) != all.end();
  }
  Proof proof() const noexcept { return details_->proof; }
  /// None: does not expire.
  const std::optional<WallTime>& expires() const noexcept { return details_->expires; }

 private:
  std::shared_ptr<const Details> details_;
};

}  // namespace echostream
