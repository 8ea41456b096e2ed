#include "runtime/api/ticket_list.h"

#include <algorithm>
#include <utility>

namespace echostream::internal {

void TicketList::add(std::string server, std::string ticket) {
  const auto is_same = [&](const Entry& entry) { return entry.server == server; };
  if (std::count_if(entries_.begin(), entries_.end(), is_same) >=
      static_cast<std::ptrdiff_t>(kMostOfOneServer)) {
    entries_.erase(std::find_if(entries_.begin(), entries_.end(), is_same));
  }
  entries_.push_back({std::move(server), std::move(ticket)});
  if (entries_.size() > most_) entries_.pop_front();
}

std::optional<std::string> TicketList::take(const std::string& server) {
  const auto newest = std::find_if(entries_.rbegin(), entries_.rend(),
                                   [&](const Entry& entry) { return entry.server == server; });
  if (newest == entries_.rend()) return std::nullopt;
  std::string ticket = std::move(newest->ticket);
  entries_.erase(std::next(newest).base());
  return ticket;
}

}  // namespace echostream::internal
