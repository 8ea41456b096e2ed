#include "runtime/api/address_watch.h"

#include <algorithm>

namespace echostream::internal {
namespace {

// One change of network is many messages; the routes come last.
constexpr Duration kSettle = std::chrono::milliseconds(50);
// A migration that failed is tried again, ever more rarely: the new network may not be ready.
constexpr Duration kFirstRetry = std::chrono::milliseconds(500);
constexpr Duration kLastRetry = std::chrono::seconds(8);

}  // namespace

Result<std::unique_ptr<AddressWatch>> AddressWatch::open(Loop& loop, const Sessions& sessions,
                                                         NodeContext& context) {
  std::unique_ptr<AddressWatch> watch(new AddressWatch(loop, sessions, context));
  auto network = loop.watch_network([self = watch.get()] {
    self->retry_after_ = kFirstRetry;
    self->loop_.arm(*self, self->loop_.now() + kSettle);
  });
  if (!network) return std::move(network).error();
  watch->network_ = *std::move(network);
  return watch;
}

void AddressWatch::on_timer(LocalTime now) {
  bool any = false;
  for (const auto& session : sessions_) {
    if (!session->is_open() || !session->link().has_lost_its_address()) continue;
    any = true;
    if (session->is_migrating()) continue;
    // Its end is told to the session; when it fails, the next look begins another.
    if (const auto to = session->begin_migration(); !to) {
      log_.warn(
          now, "the session to " + session->link().remote_address().to_string() +
                   " lost its address, and cannot move to another one: " + to.status().to_string());
    }
  }
  if (!any) return;
  loop_.arm(*this, now + retry_after_);
  retry_after_ = std::min(2 * retry_after_, kLastRetry);
}

}  // namespace echostream::internal
