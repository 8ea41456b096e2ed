// Where a client keeps what it needs to resume sessions: NodeOptions::ticket_cache.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "echostream/base/result.h"

namespace echostream {

/// Session tickets by server. A server gives a few with each session; each is used for one later
/// session, which then needs no certificates and can send early data (ConnectOptions::early_data).
///
/// Tickets are secrets: whoever reads one can read early data that is sent with it, though not what
/// follows the handshake. Nodes on several threads may share a cache, so every method may be called
/// on any thread, and none may call a node. They are called on the loop's thread: they must not
/// take long.
class SessionTicketCache {
 public:
  virtual ~SessionTicketCache() = default;

  /// Keeps `ticket` for one later session with `server`; the cache may forget it at any time.
  /// `server` is printable text: name, address and port, and a digest of the protocol, of the trust
  /// and of the client's own identity, so that a ticket is never used under another policy.
  virtual void store(const std::string& server, std::string ticket) = 0;
  /// The newest ticket for `server`, and forgets it: single use keeps observers from linking
  /// sessions (RFC 8446 C.4), and servers refuse early data with a ticket that was used before.
  virtual std::optional<std::string> take(const std::string& server) = 0;
};

/// Tickets in memory. Over `max_tickets` the oldest go, and those of one server over four.
std::shared_ptr<SessionTicketCache> make_memory_ticket_cache(std::size_t max_tickets = 256);

/// Tickets in a file that survives the program, with the same limits. The file is made with mode
/// 0600, replaced as a whole, and may be shared by programs of one user; `path`.lock is made beside
/// it. Damaged entries are left out. Each call reads and writes the file, which takes well under a
/// millisecond on a local disk. While another program or thread holds the lock it waits, up to 10
/// ms for each; then it does without a ticket. make_file_ticket_cache() itself waits up to half a
/// second.
///
/// Errors: PERMISSION_DENIED when others can read the file, or it is another user's; UNAVAILABLE
/// when it cannot be read or made, or another program holds the lock; INVALID_ARGUMENT when it is
/// no file, or one with something else in it, which is left as it is. What goes wrong later only
/// costs a full handshake.
Result<std::shared_ptr<SessionTicketCache>> make_file_ticket_cache(std::string path,
                                                                   std::size_t max_tickets = 256);

}  // namespace echostream
