// Session tickets in the order in which they came, within their limits: the inside of both caches.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

namespace echostream::internal {

class TicketList {
 public:
  /// Enough for a few sessions at the same time; a server gives new tickets with each.
  static constexpr std::size_t kMostOfOneServer = 4;

  struct Entry {
    std::string server;
    std::string ticket;
  };

  explicit TicketList(std::size_t most) : most_(most) {}
  void add(std::string server, std::string ticket);
  std::optional<std::string> take(const std::string& server);
  /// The oldest first.
  const std::deque<Entry>& entries() const noexcept { return entries_; }

 private:
  std::size_t most_;
  std::deque<Entry> entries_;
};

}  // namespace echostream::internal
