#include "runtime/api/first_meeting.h"

#include "echostream/base/printable.h"

#include "runtime/api/node_context.h"

namespace echostream::internal {
namespace {

Result<std::string> write_down(KnownPeers& peers, const Fingerprint& fingerprint,
                               const SocketAddress& address, const std::string& name, bool any,
                               WallTime now) {
  if (any && peers.find(fingerprint)) return std::string();
  const bool is_new = !peers.find(name).has_value();
  KnownPeer peer;
  peer.name = name;
  peer.fingerprint = fingerprint;
  peer.origin = KnownPeer::Origin::kFirstUse;
  peer.since = now;
  Status added = peers.add(peer);
  // Another certificate since this one was judged, or a name that nobody can be known by.
  if (added.code() == StatusCode::kAlreadyExists || added.code() == StatusCode::kInvalidArgument) {
    return Status(StatusCode::kUnauthenticated,
                  std::string(added.message()) + "; it shows " + fingerprint.to_string());
  }
  if (!added.is_ok()) return added.with_context("whom this node meets cannot be written down");
  if (!is_new) return std::string();
  return "met '" + printable(name) + "' at " + address.to_string() +
         " for the first time; from now on it is known by the certificate with fingerprint " +
         fingerprint.to_string();
}

}  // namespace

Result<std::string> meet_peer(KnownPeers& peers, const std::optional<PeerIdentity>& identity,
                              const SocketAddress& address, const std::string& name, bool any,
                              WallTime now) {
  if (!identity) return Status(StatusCode::kUnauthenticated, "the peer showed no certificate");
  try {
    return write_down(peers, identity->fingerprint(), address, name, any, now);
  } catch (...) {
    return Status(StatusCode::kInternal, "the list of known peers threw: " + describe_exception());
  }
}

}  // namespace echostream::internal
