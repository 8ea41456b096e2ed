// A token is shown once on a session, and its server remembers whose it is: what both sides say
// about that in metadata, and what they note down in Session::state().
// docs/plugins/auth_token.md, "Once per session".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/time.h"
#include "echostream/metadata.h"
#include "echostream/method.h"
#include "echostream/plugins/authenticated_peer.h"

namespace echostream::auth_token {

inline constexpr std::string_view kAuthorization = "authorization";
/// Of a request, beside its token: "remember whose this is". The value numbers the caller's tokens,
/// from 1, so that a server to which they come in another order keeps the latest.
inline constexpr std::string_view kKeep = "authorization-keep";
/// Of the response: for how many milliseconds it is remembered.
inline constexpr std::string_view kKept = "authorization-kept";
/// Trailing, with UNAUTHENTICATED: there was no token, and the handler has not seen the call.
inline constexpr std::string_view kNeeded = "authorization-needed";

/// A decimal number that is there once, from 1 to 2^53; otherwise none.
std::optional<std::int64_t> number_in(const Metadata& metadata, std::string_view key);

/// The serving side's: who has shown a token on this session, the last of them.
class KeptPrincipal {
 public:
  using Peer = std::shared_ptr<const AuthenticatedPeer::Details>;
  /// False when a later token is here already.
  bool keep(Peer peer, std::int64_t number, LocalTime until);
  /// Null when its time is over. The token's own expiry counts too: `expired` is the time of day
  /// before which it lies then.
  const Peer& find(LocalTime now, WallTime expired);
  /// The same without the time of day, which changes little within a second of the last find();
  /// null when that is over.
  const Peer* find_again(LocalTime now) const { return now < again_until_ ? &peer_ : nullptr; }
  /// find_again() for a call of the method that was allowed last to the peer that is here; null for
  /// those of other methods too.
  const Peer* find_allowed(const MethodInfo& method, LocalTime now) const {
    return &method == allowed_ ? find_again(now) : nullptr;
  }
  void allow(const MethodInfo& method) { allowed_ = &method; }

 private:
  Peer peer_;
  std::int64_t number_ = 0;  // stays when the peer is forgotten
  LocalTime until_{};
  LocalTime again_until_{LocalTime::min()};
  const MethodInfo* allowed_ = nullptr;  // to peer_
};

/// The calling side's: for which methods the peer takes calls without the token, and until when.
class KeptByPeer {
 public:
  enum class Way : std::uint8_t {
    kAsk,   // show the token, and ask the peer to remember it
    kShow,  // show it; the peer does not remember it for this method
    kRely,  // the peer remembers it
  };
  /// For the caller's token of that number.
  Way way_of(const MethodInfo& method, std::int64_t number, LocalTime now) const;
  /// The peer has answered a call that asked. None: it remembers nothing. What concerns a token
  /// before the latest is ignored.
  void handle_answer(const MethodInfo& method, std::int64_t number, std::optional<LocalTime> until);

 private:
  static constexpr std::size_t kMostMethods = 256;
  const std::pair<const MethodInfo*, bool>* find(const MethodInfo& method) const;

  std::int64_t number_ = 0;
  LocalTime until_{};
  /// And whether they are remembered for.
  std::vector<std::pair<const MethodInfo*, bool>> methods_;
};

}  // namespace echostream::auth_token
