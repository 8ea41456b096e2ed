// Whose clock a group of nodes goes by, and since when: from what the peers claim. No I/O, no
// clock.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "echostream/base/time.h"

namespace echostream::timing {

using NodeId = std::uint64_t;

/// What a peer says it goes by. Only claims that are fresh, and do not come from us, are passed on.
struct ReferenceClaim {
  NodeId reference = 0;
  /// Which scale of time the reference keeps: a random number of the node that began it. Scales
  /// have nothing to do with each other; one goes on when its reference is lost.
  std::uint64_t timescale = 0;
  /// Somebody goes by it beside the reference itself.
  bool is_shared = false;
};

/// The node with the lowest id keeps the scale, unless one is configured. How a scale survives:
///
/// - A node that is alone with its own scale takes on a scale that is shared, or that of a lower
/// id.
/// - It follows that scale's reference for a while, and only then becomes the reference if its id
/// is
///   lower: at a moment when it knows the scale well. Others follow, on the same scale.
/// - When no claim is left, a node goes on as the reference of the scale it has.
/// - Two groups that meet are the one case in which a shared scale ends: after a while, in which
/// one
///   of the references might take on the other's scale, those of the higher one change over.
class ReferenceElection {
 public:
  /// `timescale`: a random number, for the scale of this node's own clock.
  ReferenceElection(NodeId self, std::uint64_t timescale, std::optional<NodeId> configured);

  /// `claims`: of other references than this node. `is_followed`: a peer goes by the same scale.
  /// `is_tracking`: the time on that scale is well known.
  void update(std::span<const ReferenceClaim> claims, bool is_followed, bool is_tracking,
              LocalTime now);

  /// The scale that was to be taken on was lost before it was known: back to this one, alone.
  void return_to(std::uint64_t timescale) noexcept;

  NodeId reference() const noexcept { return reference_; }
  std::uint64_t timescale() const noexcept { return timescale_; }
  bool is_self() const noexcept { return reference_ == self_; }
  /// Somebody else goes by the same scale.
  bool is_shared() const noexcept { return !is_self() || is_followed_; }

 private:
  void update_configured(std::span<const ReferenceClaim> claims);
  bool take_other_timescale(std::span<const ReferenceClaim> claims, LocalTime now);
  void choose_within_timescale(std::span<const ReferenceClaim> claims, LocalTime now);
  void follow(const ReferenceClaim& claim);

  NodeId self_;
  std::optional<NodeId> configured_;
  NodeId reference_;
  std::uint64_t timescale_;
  bool is_followed_ = false;
  std::optional<LocalTime> tracking_since_;
  std::optional<LocalTime> meeting_since_;
};

}  // namespace echostream::timing
