// A ticket cache of the program's own, which is called from inside the transport: what it throws
// must not get there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "echostream/session_tickets.h"

#include "runtime/api/node_context.h"

namespace echostream::internal {

class GuardedTicketCache final : public SessionTicketCache {
 public:
  /// `node` outlives it.
  GuardedTicketCache(std::shared_ptr<SessionTicketCache> cache, const NodeContext& node)
      : cache_(std::move(cache)), node_(node) {}

  void store(const std::string& server, std::string ticket) override {
    try {
      cache_->store(server, std::move(ticket));
    } catch (...) {
      complain();
    }
  }
  std::optional<std::string> take(const std::string& server) override {
    try {
      return cache_->take(server);
    } catch (...) {
      complain();
      return std::nullopt;
    }
  }

 private:
  void complain() const {
    node_.log(LogLevel::kError, "NodeOptions::ticket_cache threw: " + describe_exception());
  }

  std::shared_ptr<SessionTicketCache> cache_;
  const NodeContext& node_;
};

}  // namespace echostream::internal
