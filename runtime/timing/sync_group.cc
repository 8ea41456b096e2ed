#include "runtime/timing/sync_group.h"

#include <algorithm>

#include "echostream/base/check.h"

namespace echostream::timing {

namespace {

using namespace std::chrono_literals;

// A need that passes sooner is that of one frame or two, which no buffer by itself would follow.
constexpr Duration kRiseHold = 60ms;
// A need must have been lower for one to two of these before the group follows it down: a key frame
// or a burst that comes once a second must not make the delay swing.
constexpr Duration kFallHold = 500ms;
// Not worth moving everybody for: below what any ear or eye notices between two streams.
constexpr Duration kSlack = 2ms;
// A tenth faster: less than the stretch that a jitter buffer does by default (12 %), so that
// members follow without a jump.
constexpr int kFallDivisor = 10;
// A new jitter buffer knows its network after that long (its fast reaction looks back 0.6 s). What
// it says before is a guess, for which the others do not jump.
constexpr Duration kSettleTime = 600ms;
// Longer than a pause in speech; a stream that is silent longer is not waited for.
constexpr Duration kSilence = 10s;
// Who is slow is decided over seconds: looking every 20 ms, a voice frame's time, is enough.
constexpr Duration kJudgeInterval = 20ms;
// As often, so that a fast sensor does not outweigh a voice in the percentiles.
constexpr Duration kSampleInterval = 20ms;
// Needs come from peers' stamps. Beyond an hour they mean nothing, and sums must not overflow.
constexpr Duration kFar = 1h;
// Clocks differ in rate by up to 200 ppm, and corrections are slewed in: what changes no faster
// than this (NTP's limit of a clock's rate) is no step.
constexpr int kRateDivisor = 2000;

// Stamps of arbitrary epochs: only the sum means something, and it may wrap on the way.
Duration wrapping_sum(Duration a, Duration b) {
  return Duration(static_cast<Duration::rep>(static_cast<std::uint64_t>(a.count()) +
                                             static_cast<std::uint64_t>(b.count())));
}
Duration wrapping_difference(Duration a, Duration b) {
  return Duration(static_cast<Duration::rep>(static_cast<std::uint64_t>(a.count()) -
                                             static_cast<std::uint64_t>(b.count())));
}

}  // namespace

SyncGroup::SyncGroup(const SyncGroupOptions& options, std::size_t max_members)
    : options_(options), members_(max_members), domains_(max_members) {
  options_.max_delay = std::clamp(options_.max_delay, Duration::zero(), kFar);
  options_.patience = std::clamp(options_.patience, Duration::zero(), kFar);
  needs_.reserve(max_members);
}

std::optional<SyncGroup::MemberId> SyncGroup::join(std::uint64_t domain,
                                                   std::optional<Duration> clock_offset,
                                                   LocalTime now) {
  const auto free = std::find_if(members_.begin(), members_.end(),
                                 [](const Member& member) { return !member.is_used; });
  if (free == members_.end()) return std::nullopt;
  *free = Member{};
  free->is_used = true;
  free->domain = find_domain(domain);
  free->most_need = free->return_need = options_.max_delay;
  ++domains_[free->domain].members;
  const auto place = static_cast<MemberId>(free - members_.begin());
  places_in_use_ = std::max(places_in_use_, place + 1);
  learn_clock(free->domain, {.required = {}, .actual = {}, .clock_offset = clock_offset}, now);
  return place;
}

void SyncGroup::leave(MemberId id, LocalTime now) {
  Member& member = members_[id];
  ECHOSTREAM_CHECK(member.is_used, "a member left a sync group that it is not in");
  Domain& domain = domains_[member.domain];
  if (--domain.members == 0) domain = Domain{};
  member = Member{};
  if (leader_ == id) leader_.reset();
  while (places_in_use_ > 0 && !members_[places_in_use_ - 1].is_used) --places_in_use_;
  last_judged_.reset();
  evaluate(now);
}

// There are as many places as members, so that one is always found.
std::size_t SyncGroup::find_domain(std::uint64_t id) {
  std::size_t free = domains_.size();
  for (std::size_t i = 0; i < domains_.size(); ++i) {
    if (domains_[i].members > 0 && domains_[i].id == id) return i;
    if (domains_[i].members == 0 && free == domains_.size()) free = i;
  }
  domains_[free].id = id;
  return free;
}

std::optional<Duration> SyncGroup::update(MemberId id, const SyncUpdate& update, LocalTime now) {
  Member& member = members_[id];
  ECHOSTREAM_CHECK(member.is_used, "news of a member that has left its sync group");
  learn_clock(member.domain, update, now);
  member.required = update.required;
  member.actual = update.actual;
  if (member.required) {
    if (!member.first_heard) {
      member.first_heard = now;
      last_judged_.reset();
    }
    member.last_heard = now;
  }
  evaluate(now);
  return offset_to_follow(member);
}

std::optional<Duration> SyncGroup::follow_offset(MemberId id, LocalTime now) {
  evaluate(now);
  return offset_to_follow(members_[id]);
}

// ---- Clocks

void SyncGroup::learn_clock(std::size_t index, const SyncUpdate& update, LocalTime now) {
  Domain& domain = domains_[index];
  if (update.clock_offset) {
    const Duration change = wrapping_difference(*update.clock_offset, domain.offset);
    // Whatever the difference to an arbitrary zero is, it is a step.
    const Duration steady = domain.is_known
                                ? std::clamp<Duration>(now - domain.told, 0s, 1h) / kRateDivisor
                                : Duration::zero();
    const bool had_zero = domain.is_known || domain.is_provisional;
    if (had_zero && (change > steady || change < -steady)) handle_clock_step(index, change);
    domain.offset = *update.clock_offset;
    domain.told = now;
    domain.is_known = true;
    domain.is_provisional = false;
  } else if (!domain.is_known && !domain.is_provisional && update.required) {
    // Zero is what this member needs: any zero will do among members of one clock.
    const bool is_alone = std::none_of(domains_.begin(), domains_.end(), [](const Domain& other) {
      return other.members > 0 && (other.is_known || other.is_provisional);
    });
    if (!is_alone) return;
    domain.offset = wrapping_difference(Duration::zero(), *update.required);
    domain.is_provisional = true;
  }
}

// The member that sets the delay keeps its place on its own clock: the delay moves, not the member.
void SyncGroup::handle_clock_step(std::size_t index, Duration change) {
  if (!delay_ || !leader_ || members_[*leader_].domain != index) return;
  const auto moved = [&](Duration value) {
    return std::clamp(value + std::clamp(change, -kFar, kFar), -kFar, options_.max_delay);
  };
  delay_ = moved(*delay_);
  recent_need_ = moved(recent_need_);
  previous_need_ = moved(previous_need_);
}

bool SyncGroup::is_comparable(const Domain& domain) const {
  if (domain.is_known) return true;
  return domain.is_provisional &&
         std::none_of(domains_.begin(), domains_.end(),
                      [](const Domain& other) { return other.members > 0 && other.is_known; });
}

Duration SyncGroup::need_of(const Member& member) const {
  return std::clamp(wrapping_sum(*member.required, domains_[member.domain].offset), -kFar, kFar);
}

Duration SyncGroup::delay_of(const Member& member) const {
  return std::clamp(wrapping_sum(*member.actual, domains_[member.domain].offset), -kFar, kFar);
}

// ---- The group's delay

void SyncGroup::evaluate(LocalTime now) {
  classify(now);
  if (!last_judged_ || now - *last_judged_ >= kJudgeInterval || now < *last_judged_) {
    judge_slow_members(now);
    last_judged_ = now;
    classify(now);
  }
  move_delay(now);
  const bool is_due =
      !last_sampled_ || now - *last_sampled_ >= kSampleInterval || now < *last_sampled_;
  if (!is_due) return;
  if (const std::optional<Duration> skew = current_skew()) {
    skews_.add(*skew);
    last_sampled_ = now;
  }
}

void SyncGroup::classify(LocalTime now) {
  for (Member& member : places())
    if (member.is_used) member.state = state_of(member, now);
}

SyncMemberState SyncGroup::state_of(const Member& member, LocalTime now) const {
  if (!member.first_heard || !member.required) return SyncMemberState::kJoining;
  if (now - member.last_heard > kSilence) return SyncMemberState::kSilent;
  if (!is_comparable(domains_[member.domain])) return SyncMemberState::kNoClock;
  if (member.is_left_out) return SyncMemberState::kLeftOut;
  const bool needs_more = delay_ && need_of(member) > *delay_;
  if (needs_more && !is_settled(member, now)) return SyncMemberState::kSettling;
  return SyncMemberState::kInStep;
}

// Those who began together settle together: only who comes to a group that plays has to wait.
bool SyncGroup::is_settled(const Member& member, LocalTime now) const {
  if (now - *member.first_heard >= kSettleTime) return true;
  const auto all = places();
  return std::none_of(all.begin(), all.end(), [&](const Member& other) {
    return other.is_used && other.state == SyncMemberState::kInStep && other.first_heard &&
           *member.first_heard - *other.first_heard >= kSettleTime;
  });
}

void SyncGroup::judge_slow_members(LocalTime now) {
  needs_.clear();
  for (const Member& member : places())
    if (member.is_used && member.state == SyncMemberState::kInStep)
      needs_.push_back(need_of(member));
  std::sort(needs_.begin(), needs_.end());
  for (Member& member : places()) {
    if (!member.is_used) continue;
    const bool is_in = member.state == SyncMemberState::kInStep;
    const auto place =
        is_in ? std::lower_bound(needs_.begin(), needs_.end(), need_of(member)) : needs_.end();
    set_limits(member, static_cast<std::size_t>(place - needs_.begin()));
    if (is_in || member.state == SyncMemberState::kLeftOut) judge(member, now);
  }
}

// `rank`: where the member's own need stands in needs_; their number if it is not among them.
void SyncGroup::set_limits(Member& member, std::size_t rank) {
  member.most_need = member.return_need = options_.max_delay;
  const std::size_t others = needs_.size() - (rank < needs_.size() ? 1 : 0);
  if (options_.slow_members == SlowMemberPolicy::kWait || others == 0) return;
  // The upper median of the others: half of them would have to be slow too.
  const std::size_t middle = others / 2;
  const Duration median = needs_[middle >= rank ? middle + 1 : middle];
  member.most_need = std::min(options_.max_delay, median + options_.patience);
  member.return_need = std::min(options_.max_delay, median + options_.patience / 2);
}

void SyncGroup::judge(Member& member, LocalTime now) {
  const Duration need = need_of(member);
  const bool is_alone = needs_.empty() || (needs_.size() == 1 && !member.is_left_out);
  bool is_turning = false;
  if (member.is_left_out) {
    is_turning = need <= member.return_need || is_alone;
  } else {
    is_turning = options_.slow_members == SlowMemberPolicy::kLeaveOut && !is_alone &&
                 need > member.most_need;
  }
  if (!is_turning) {
    member.turning_since.reset();
    return;
  }
  if (!member.turning_since) member.turning_since = now;
  if (now - *member.turning_since < options_.hold) return;
  member.is_left_out = !member.is_left_out;
  member.turning_since.reset();
}

void SyncGroup::move_delay(LocalTime now) {
  std::optional<Duration> need;
  std::optional<MemberId> neediest;
  for (std::size_t i = 0; i < places_in_use_; ++i) {
    const Member& member = members_[i];
    if (!member.is_used || member.state != SyncMemberState::kInStep) continue;
    const Duration granted = std::min(need_of(member), member.most_need);
    if (need && granted <= *need) continue;
    need = granted;
    neediest = i;
  }
  if (need && (!leader_ || !delay_ || *need >= *delay_)) leader_ = neediest;
  const Duration elapsed = std::clamp<Duration>(now - last_move_, Duration::zero(), 1s);
  last_move_ = now;
  if (!need) {
    // Nobody is there; a stream that is only silent finds the group where it was.
    const bool is_empty = places_in_use_ == 0;
    if (is_empty) delay_.reset();
    return;
  }
  if (is_passing(*need, now)) return;
  if (!delay_ || *need >= *delay_) {
    delay_ = need;
    is_falling_ = false;
    recent_need_ = previous_need_ = *need;
    stretch_start_ = now;
    return;
  }
  remember_need(*need, now);
  const Duration floor = std::max({*need, recent_need_, previous_need_});
  if (!is_falling_ && *delay_ - floor <= kSlack) return;
  delay_ = std::max(floor, *delay_ - elapsed / kFallDivisor);
  is_falling_ = *delay_ > floor;
}

// More than the delay, but not for long yet. What is far more, as when a clock has become known, is
// no passing need.
bool SyncGroup::is_passing(Duration need, LocalTime now) {
  if (!delay_ || need <= *delay_) {
    rising_since_.reset();
    return false;
  }
  if (!rising_since_ || now < *rising_since_) rising_since_ = now;
  return need - *delay_ < options_.patience && now - *rising_since_ < kRiseHold;
}

void SyncGroup::remember_need(Duration need, LocalTime now) {
  if (now - stretch_start_ >= kFallHold || now < stretch_start_) {
    previous_need_ = recent_need_;
    recent_need_ = need;
    stretch_start_ = now;
  }
  recent_need_ = std::max(recent_need_, need);
}

std::optional<Duration> SyncGroup::offset_to_follow(const Member& member) const {
  switch (member.state) {
    case SyncMemberState::kLeftOut:
    case SyncMemberState::kNoClock:
    case SyncMemberState::kSettling:
      return std::nullopt;
    case SyncMemberState::kJoining:
    case SyncMemberState::kInStep:
    case SyncMemberState::kSilent:
      break;
  }
  const Domain& domain = domains_[member.domain];
  if (!delay_ || !is_comparable(domain)) return std::nullopt;
  return wrapping_difference(*delay_, domain.offset);
}

// ---- Reports

std::optional<Duration> SyncGroup::current_skew() const {
  std::optional<Duration> least;
  Duration most{};
  std::size_t count = 0;
  for (const Member& member : places()) {
    if (!member.is_used || member.state != SyncMemberState::kInStep || !member.actual) continue;
    const Duration delay = delay_of(member);
    most = least ? std::max(most, delay) : delay;
    least = least ? std::min(*least, delay) : delay;
    ++count;
  }
  if (count < 2) return std::nullopt;
  return most - *least;
}

SyncMember SyncGroup::member(MemberId id) const {
  const Member& member = members_[id];
  ECHOSTREAM_CHECK(member.is_used, "asked for a member that has left its sync group");
  SyncMember result;
  result.state = member.state;
  const bool is_placed = is_comparable(domains_[member.domain]);
  if (is_placed && member.required) result.need = need_of(member);
  if (!is_placed || !member.actual) return result;
  result.delay = delay_of(member);
  if (delay_) result.skew = result.delay - *delay_;
  return result;
}

SyncGroupStats SyncGroup::report() const {
  SyncGroupStats report;
  for (const Member& member : places()) {
    if (!member.is_used) continue;
    ++report.members;
    if (member.state == SyncMemberState::kInStep) ++report.in_step;
    if (member.state == SyncMemberState::kLeftOut) ++report.left_out;
  }
  report.delay = delay_.value_or(Duration::zero());
  report.skew = current_skew().value_or(Duration::zero());
  report.skew_p95 = skews_.quantile(0.95);
  report.skew_p99 = skews_.quantile(0.99);
  return report;
}

}  // namespace echostream::timing
