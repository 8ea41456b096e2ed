#include "runtime/timing/reference_election.h"

#include <algorithm>

namespace echostream::timing {

namespace {

using namespace std::chrono_literals;

// A session's clock is well known after some seconds, on Wi-Fi too.
constexpr Duration kTakeoverAfter = 10s;
// Reports go around once a second: time for the other reference to hear of us, through a few hops,
// and to give way.
constexpr Duration kMeetingGrace = 5s;

}  // namespace

ReferenceElection::ReferenceElection(NodeId self, std::uint64_t timescale,
                                     std::optional<NodeId> configured)
    : self_(self), configured_(configured), reference_(self), timescale_(timescale) {}

void ReferenceElection::update(std::span<const ReferenceClaim> claims, bool is_followed,
                               bool is_tracking, LocalTime now) {
  is_followed_ = is_followed;
  if (!is_tracking || is_self()) {
    tracking_since_.reset();
  } else if (!tracking_since_) {
    tracking_since_ = now;
  }
  if (configured_) {
    update_configured(claims);
  } else if (!take_other_timescale(claims, now)) {
    choose_within_timescale(claims, now);
  }
}

// The one reference there may be. While it is not heard of, what was known goes on.
void ReferenceElection::update_configured(std::span<const ReferenceClaim> claims) {
  if (*configured_ == self_) return;
  for (const ReferenceClaim& claim : claims) {
    if (claim.reference != *configured_) continue;
    follow(claim);
    return;
  }
}

bool ReferenceElection::take_other_timescale(std::span<const ReferenceClaim> claims,
                                             LocalTime now) {
  const bool is_alone = is_self() && !is_followed_;
  NodeId limit = reference_;
  for (const ReferenceClaim& claim : claims)
    if (claim.timescale == timescale_) limit = std::min(limit, claim.reference);
  const ReferenceClaim* best = nullptr;
  for (const ReferenceClaim& claim : claims) {
    if (claim.timescale == timescale_) continue;
    if (!(is_alone && claim.is_shared) && claim.reference >= limit) continue;
    const bool is_better =
        best == nullptr || (claim.is_shared && !best->is_shared) ||
        (claim.is_shared == best->is_shared && claim.reference < best->reference);
    if (is_better) best = &claim;
  }
  if (best == nullptr) {
    meeting_since_.reset();
    return false;
  }
  if (!is_alone) {
    if (!meeting_since_) meeting_since_ = now;
    if (now - *meeting_since_ < kMeetingGrace) return false;
  }
  follow(*best);
  meeting_since_.reset();
  return true;
}

void ReferenceElection::choose_within_timescale(std::span<const ReferenceClaim> claims,
                                                LocalTime now) {
  const ReferenceClaim* best = nullptr;
  for (const ReferenceClaim& claim : claims) {
    if (claim.timescale != timescale_) continue;
    if (best == nullptr || claim.reference < best->reference) best = &claim;
  }
  const bool may_take_over = tracking_since_ && now - *tracking_since_ >= kTakeoverAfter;
  if (best == nullptr || ((is_self() || may_take_over) && self_ < best->reference)) {
    reference_ = self_;
    return;
  }
  follow(*best);
}

void ReferenceElection::return_to(std::uint64_t timescale) noexcept {
  reference_ = self_;
  timescale_ = timescale;
  tracking_since_.reset();
}

void ReferenceElection::follow(const ReferenceClaim& claim) {
  if (claim.timescale != timescale_) tracking_since_.reset();
  reference_ = claim.reference;
  timescale_ = claim.timescale;
}

}  // namespace echostream::timing
