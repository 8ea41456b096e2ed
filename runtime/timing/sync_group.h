// Streams that are played together: one delay from capture to playout for all of them. Knows their
// needs only, not their frames. No I/O, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "echostream/base/time.h"
#include "echostream/jitter_buffer.h"

#include "runtime/timing/skew_histogram.h"

namespace echostream::timing {

/// What becomes of a member that needs far more delay than the others.
enum class SlowMemberPolicy : std::uint8_t {
  kLeaveOut,  // it plays by itself until it has caught up
  kWait,      // everybody waits for it, up to the group's greatest delay
};

struct SyncGroupOptions {
  SlowMemberPolicy slow_members = SlowMemberPolicy::kLeaveOut;
  /// What the others wait for one member at most, beyond the median of what they need themselves.
  /// ITU-T G.114 calls 400 ms one way the limit for conversation, and 150 ms good: the rest is
  /// this.
  Duration patience = std::chrono::milliseconds(250);
  /// For so long a member must need more before it is left out, and less before it is back. Longer
  /// than what passes by itself: a Wi-Fi scan, a handover, a retransmission with back-off.
  Duration hold = std::chrono::seconds(2);
  /// From capture to playout, whatever the members need. A member that needs more has late frames.
  Duration max_delay = std::chrono::seconds(2);
};

enum class SyncMemberState : std::uint8_t {
  kJoining,   // no frame yet
  kSettling,  // new, and needs more than the group has: it plays by itself until that is certain
  kInStep,    // plays with the group
  kLeftOut,   // hopelessly slow
  kSilent,    // nothing was heard of it for some seconds; it holds nobody up
  kNoClock,   // its session's clock is not known, the others' is: nothing to compare
};

struct SyncMember {
  SyncMemberState state = SyncMemberState::kJoining;
  /// From capture to playout: what it needs by itself, and where it is.
  Duration need{};
  Duration delay{};
  /// Against the group; positive: behind.
  Duration skew{};
};

/// What a member's jitter buffer and session say.
struct SyncUpdate {
  /// JitterBuffer::required_offset() and offset(): local playout minus remote capture.
  std::optional<Duration> required;
  std::optional<Duration> actual;
  /// ClockEstimate::offset of the member's session, remote minus local; none while unknown.
  std::optional<Duration> clock_offset;
};

/// Use: join(); update() whenever a frame of the member came or was played, and hand the result to
/// JitterBuffer::follow(); leave(). All on one loop; nothing is allocated after the constructor.
///
/// The delay of the group is the greatest need of its members. It rises once that has lasted for
/// some frames. It falls when nothing has needed it for a while, as slowly as members can follow by
/// playing faster.
///
/// Members of one domain (session) share its clock. Their offsets are compared on that clock, so
/// that its error cancels: when the clock of the member that sets the delay turns out to have been
/// wrong, the group's delay moves instead of that member's playout. A domain alone needs no clock
/// at all.
class SyncGroup {
 public:
  using MemberId = std::size_t;
  static constexpr std::size_t kDefaultMembers = 64;

  explicit SyncGroup(const SyncGroupOptions& options = {},
                     std::size_t max_members = kDefaultMembers);

  /// None when the group is full. With a clock known, or none needed, the member may follow the
  /// group from its first frame on. The id is free again after leave().
  std::optional<MemberId> join(std::uint64_t domain, std::optional<Duration> clock_offset,
                               LocalTime now);
  void leave(MemberId id, LocalTime now);
  /// What the member is to follow from now on; none: it plays by itself.
  std::optional<Duration> update(MemberId id, const SyncUpdate& update, LocalTime now);
  /// The same without news of its own: others may have moved the group.
  std::optional<Duration> follow_offset(MemberId id, LocalTime now);

  SyncMember member(MemberId id) const;
  SyncGroupStats report() const;

 private:
  struct Domain {
    std::uint64_t id = 0;
    std::size_t members = 0;
    Duration offset{};
    LocalTime told{};
    bool is_known = false;
    bool is_provisional = false;  // an arbitrary zero, as nothing was known
  };
  struct Member {
    bool is_used = false;
    std::size_t domain = 0;
    std::optional<LocalTime> first_heard;
    LocalTime last_heard{};
    std::optional<Duration> required;
    std::optional<Duration> actual;
    // What the group grants it at most, and at most to be let in again.
    Duration most_need{};
    Duration return_need{};
    bool is_left_out = false;
    // Since when the opposite of is_left_out holds.
    std::optional<LocalTime> turning_since;
    SyncMemberState state = SyncMemberState::kJoining;
  };

  std::span<Member> places() noexcept { return std::span(members_).first(places_in_use_); }
  std::span<const Member> places() const noexcept {
    return std::span(members_).first(places_in_use_);
  }
  std::size_t find_domain(std::uint64_t id);
  void learn_clock(std::size_t domain, const SyncUpdate& update, LocalTime now);
  void handle_clock_step(std::size_t domain, Duration change);
  bool is_comparable(const Domain& domain) const;
  Duration need_of(const Member& member) const;
  Duration delay_of(const Member& member) const;

  void evaluate(LocalTime now);
  void classify(LocalTime now);
  bool is_settled(const Member& member, LocalTime now) const;
  SyncMemberState state_of(const Member& member, LocalTime now) const;
  void judge_slow_members(LocalTime now);
  void set_limits(Member& member, std::size_t rank);
  void judge(Member& member, LocalTime now);
  void move_delay(LocalTime now);
  bool is_passing(Duration need, LocalTime now);
  void remember_need(Duration need, LocalTime now);
  std::optional<Duration> offset_to_follow(const Member& member) const;
  std::optional<Duration> current_skew() const;

  SyncGroupOptions options_;
  std::vector<Member> members_;
  std::size_t places_in_use_ = 0;  // behind these no member is
  std::vector<Domain> domains_;
  std::vector<Duration> needs_;  // scratch, sorted

  std::optional<Duration> delay_;
  std::optional<MemberId> leader_;  // who needed the delay last
  bool is_falling_ = false;
  std::optional<LocalTime> rising_since_;  // the need is greater than the delay
  // The greatest need of the running stretch of kFallHold, and of the one before.
  Duration recent_need_{};
  Duration previous_need_{};
  LocalTime stretch_start_{};
  LocalTime last_move_{};
  std::optional<LocalTime> last_judged_;
  std::optional<LocalTime> last_sampled_;
  SkewHistogram skews_;
};

}  // namespace echostream::timing
