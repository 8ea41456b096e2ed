#include <mutex>
#include <utility>

#include "echostream/session_tickets.h"

#include "runtime/api/ticket_list.h"

namespace echostream {
namespace {

class MemoryTicketCache final : public SessionTicketCache {
 public:
  explicit MemoryTicketCache(std::size_t most) : tickets_(most) {}

  void store(const std::string& server, std::string ticket) override {
    const std::lock_guard lock(mutex_);
    tickets_.add(server, std::move(ticket));
  }
  std::optional<std::string> take(const std::string& server) override {
    const std::lock_guard lock(mutex_);
    return tickets_.take(server);
  }

 private:
  std::mutex mutex_;
  internal::TicketList tickets_;
};

}  // namespace

std::shared_ptr<SessionTicketCache> make_memory_ticket_cache(std::size_t max_tickets) {
  return std::make_shared<MemoryTicketCache>(max_tickets);
}

}  // namespace echostream
