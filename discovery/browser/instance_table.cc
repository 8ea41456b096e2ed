#include "discovery/browser/instance_table.h"

#include <algorithm>
#include <utility>

namespace echostream::discovery {

struct InstanceTable::Known final : TimerNode {
  Known(InstanceTable& table_in, const Instance& instance_in)
      : table(table_in), instance(instance_in) {}
  void on_timer(LocalTime) override { table.handle_timer(*this); }

  InstanceTable& table;
  const Instance& instance;  // the key under which it is kept
  State state = State::kWaiting;
  std::uint64_t ticket = 0;  // its place in the line of its state
  std::uint64_t round = 0;
  std::unique_ptr<Pending> resolve;
  Duration pause = kFirstPause;
  bool is_counted = false;
};

InstanceTable::InstanceTable(Loop& loop, DnsSd& dns_sd, Owner& owner)
    : loop_(loop), dns_sd_(dns_sd), owner_(owner) {}
InstanceTable::~InstanceTable() = default;

InstanceTable::Line* InstanceTable::line_of(State state) {
  switch (state) {
    case State::kWaiting:
      return &waiting_;
    case State::kAside:
      return &aside_;
    case State::kAgain:
      return &again_;
    case State::kNoRoom:
      return &no_room_;
    case State::kAsking:
    case State::kFollowed:
      break;
  }
  return nullptr;
}

void InstanceTable::enter(Line& line, Known& known, State state) {
  known.state = state;
  known.ticket = next_ticket_++;
  line.emplace(known.ticket, &known);
}

void InstanceTable::release(Known& known) {
  known.disarm();
  if (Line* line = line_of(known.state)) line->erase(known.ticket);
  if (known.state == State::kAsking) --asking_;
  if (known.resolve != nullptr) --resolvers_;
  known.resolve.reset();
}

void InstanceTable::count_ignored(Known& known) {
  if (!std::exchange(known.is_counted, true)) ++ignored_;
}

void InstanceTable::add(const Instance& instance) {
  const auto found = known_.find(instance);
  if (found != known_.end()) {
    found->second->round = round_;
    return;
  }
  if (known_.size() >= kMostInstances) {
    has_forgotten_ = true;
    Line& useless = again_.empty() ? aside_ : again_;
    if (useless.empty()) {
      ++ignored_;
      return;
    }
    erase(*useless.begin()->second);
  }
  const auto place = known_.try_emplace(instance).first;
  place->second = std::make_unique<Known>(*this, place->first);
  Known& known = *place->second;
  known.round = round_;
  enter(waiting_, known, State::kWaiting);
  pump();
}

void InstanceTable::erase(Known& known) {
  const Instance instance = known.instance;
  release(known);
  known_.erase(instance);
  owner_.handle_lost(instance);
}

void InstanceTable::remove(const Instance& instance) {
  const auto found = known_.find(instance);
  if (found == known_.end()) return;
  erase(*found->second);
  pump();
}

void InstanceTable::begin_round() {
  ++round_;
  // Those that had been forgotten are named again as well.
  has_forgotten_ = false;
}

void InstanceTable::end_round() {
  for (auto it = known_.begin(); it != known_.end();) {
    Known& known = *(it++)->second;
    if (known.round != round_) erase(known);
  }
  pump();
}

void InstanceTable::clear() {
  while (!known_.empty()) erase(*known_.begin()->second);
  has_forgotten_ = false;
}

bool InstanceTable::is_short() const {
  return has_forgotten_ && waiting_.empty() && asking_ <= kMostAsking / 2 && no_room_.empty() &&
         owner_.has_room();
}

InstanceTable::Known* InstanceTable::next() {
  if (resolvers_ >= kMostResolvers || asking_ >= kMostAsking) return nullptr;
  while (!waiting_.empty()) {
    Known& known = *waiting_.begin()->second;
    if (owner_.is_wanted(known.instance)) return &known;
    wait_for_room(known);
  }
  if (!no_room_.empty() && owner_.has_room()) return no_room_.begin()->second;
  // Those that never answer must not keep new ones waiting.
  const bool has_leisure = !again_.empty() && asking_ < kMostAsking / 2;
  return has_leisure ? again_.begin()->second : nullptr;
}

void InstanceTable::pump() {
  while (Known* known = next()) ask(*known);
}

void InstanceTable::ask(Known& known) {
  release(known);
  known.state = State::kAsking;
  ++asking_;
  ++resolvers_;
  loop_.arm(known, loop_.now() + kAnswerPatience);
  known.resolve = dns_sd_.resolve(known.instance, [this, &known](Result<ResolvedInstance> answer) {
    handle(known, std::move(answer));
  });
}

void InstanceTable::handle(Known& known, Result<ResolvedInstance> answer) {
  if (answer) {
    take(known, *answer);
  } else {
    set_aside(known);
  }
  pump();
  owner_.handle_settled();
}

void InstanceTable::take(Known& known, const ResolvedInstance& says) {
  if (known.state == State::kAsking) {
    known.disarm();
    known.state = State::kFollowed;
    --asking_;
  }
  switch (owner_.handle_answer(known.instance, says)) {
    case Verdict::kShown:
      known.pause = kFirstPause;
      known.is_counted = false;
      break;
    case Verdict::kNoRoom:
      wait_for_room(known);
      break;
    case Verdict::kMakesNoSense:
      count_ignored(known);
      [[fallthrough]];
    case Verdict::kDoesNotFit:
      if (resolvers_ > kMostResolvers / 2) set_aside(known);
      break;
  }
}

void InstanceTable::set_aside(Known& known) {
  release(known);
  enter(aside_, known, State::kAside);
  loop_.arm(known, loop_.now() + known.pause);
  known.pause = std::min(known.pause * 2, kLongestPause);
  owner_.handle_lost(known.instance);
}

void InstanceTable::wait_for_room(Known& known) {
  release(known);
  enter(no_room_, known, State::kNoRoom);
  count_ignored(known);
}

void InstanceTable::handle_timer(Known& known) {
  if (known.state == State::kAsking) {
    set_aside(known);
  } else {
    release(known);
    enter(again_, known, State::kAgain);
  }
  pump();
  owner_.handle_settled();
}

}  // namespace echostream::discovery
