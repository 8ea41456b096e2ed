#include "discovery/advertiser/announcer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "discovery/records/names.h"

namespace echostream::discovery {
namespace {

using State = AdvertiserStatus::State;

// RFC 6762 section 6: a record is multicast at most once a second.
constexpr Duration kBetweenUpdates = std::chrono::seconds(1);

// A daemon that is lost again and again, before it has announced anything, is asked less and less
// often. The first pause is short enough for one that was restarted, and keeps the devices of a
// network apart that lose something at the same moment.
constexpr Duration kFirstPause = std::chrono::milliseconds(200);
constexpr Duration kLongestPause = std::chrono::seconds(10);

// RFC 6762 8.1: after fifteen conflicts within ten seconds, five seconds between attempts; until
// there was none for ten seconds.
constexpr int kMostCollisions = 15;
constexpr Duration kWithoutCollision = std::chrono::seconds(10);
constexpr Duration kCollisionPause = std::chrono::seconds(5);

}  // namespace

Announcer::Announcer(Loop& loop, std::shared_ptr<DnsSd> dns_sd, std::string name,
                     std::function<void()> on_change)
    : loop_(loop),
      dns_sd_(std::move(dns_sd)),
      on_change_(std::move(on_change)),
      wanted_(Status(StatusCode::kFailedPrecondition, "there is nothing to announce yet")),
      backoff_(kFirstPause, kLongestPause, 2),
      last_collision_(loop.now()) {
  publish_after_ = update_after_ = loop.now();
  status_.name = std::move(name);
  status_.error = why_waiting();
  watch_ = dns_sd_->watch_status([this](const Status& status) { on_daemon(status); });
}

void Announcer::want(Result<Registration> wanted) {
  if (wanted) wanted->name = status_.name;
  const bool is_same = wanted && wanted_ && *wanted == *wanted_;
  if (!is_same) refused_ = Status();
  wanted_ = std::move(wanted);
  // Its goodbye is on the way; what comes next must not overtake it.
  if (!wanted_ && publication_ != nullptr) pause_before_publishing(kBetweenUpdates);
  act();
}

void Announcer::on_daemon(const Status& status) {
  daemon_ = status;
  if (status.is_ok()) {
    refused_ = Status();
  } else if (publication_ != nullptr) {
    lose(status);
  }
  act();
}

void Announcer::on_published(const Status& result) {
  const Status ended = result;  // which may be the publication's
  if (ended.is_ok()) {
    if (!is_confirmed_) update_after_ = loop_.now() + kBetweenUpdates;
    is_confirmed_ = true;
    lost_ = Status();
    backoff_.reset();
    return act();
  }
  if (ended.code() == StatusCode::kAlreadyExists) {
    withdraw();
    on_collision();
  } else if (ended.code() == StatusCode::kInvalidArgument) {
    withdraw();
    refused_ = ended;
  } else {
    lose(ended);
  }
  act();
}

void Announcer::lose(const Status& why) {
  withdraw();
  lost_ = why;
  std::array<std::uint8_t, 8> bytes{};
  loop_.fill_random(bytes);
  std::uint64_t random = 0;
  std::memcpy(&random, bytes.data(), sizeof random);
  pause_before_publishing(backoff_.next(random));
}

void Announcer::on_collision() {
  status_.name = next_instance_name(status_.name);
  if (wanted_) wanted_->name = status_.name;
  const LocalTime now = loop_.now();
  if (now - last_collision_ > kWithoutCollision) collisions_ = 0;
  last_collision_ = now;
  if (++collisions_ >= kMostCollisions) pause_before_publishing(kCollisionPause);
}

void Announcer::pause_before_publishing(Duration pause) {
  publish_after_ = std::max(publish_after_, loop_.now() + pause);
}

Status Announcer::why_waiting() const {
  if (daemon_ && !daemon_->is_ok()) return *daemon_;
  if (!wanted_) return wanted_.error();
  if (!daemon_) return {StatusCode::kUnavailable, "the daemon has not answered yet"};
  return refused_;
}

void Announcer::act() {
  if (Status why = why_waiting(); !why.is_ok()) {
    withdraw();
    loop_.arm(timer_, kNever);
    return set_status(State::kWaiting, std::move(why));
  }
  // An interface's number is nothing that a publication can change.
  const bool is_elsewhere =
      publication_ != nullptr && published_.interface_index != wanted_->interface_index;
  if (is_elsewhere) withdraw();
  if (publication_ == nullptr) {
    publish();
  } else if (is_confirmed_) {
    update();
  }
}

void Announcer::publish() {
  if (loop_.now() < publish_after_) {
    loop_.arm(timer_, publish_after_);
    // After a collision the name is being looked for; otherwise something has to come back first.
    return lost_.is_ok() ? set_status(State::kProbing, Status())
                         : set_status(State::kWaiting, lost_);
  }
  published_ = *wanted_;
  is_confirmed_ = false;
  lost_ = Status();
  publication_ =
      dns_sd_->publish(published_, [this](const Status& result) { on_published(result); });
  set_status(State::kProbing, Status());
}

void Announcer::update() {
  if (published_ != *wanted_) {
    if (loop_.now() < update_after_) {
      loop_.arm(timer_, update_after_);
    } else {
      published_ = *wanted_;
      update_after_ = loop_.now() + kBetweenUpdates;
      publication_->update(published_);
    }
  }
  set_status(State::kAnnounced, Status());
}

void Announcer::withdraw() noexcept {
  publication_.reset();
  is_confirmed_ = false;
}

void Announcer::set_status(State state, Status error) {
  status_.state = state;
  status_.error = std::move(error);
  on_change_();
}

}  // namespace echostream::discovery
