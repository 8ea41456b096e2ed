#include <algorithm>

#include "discovery/records/names.h"
#include "discovery/sim/sim_operations.h"

namespace echostream::discovery::testing {
namespace {

using std::chrono::milliseconds;

// RFC 6762 8.1.
constexpr Duration kMostProbeDelay = milliseconds(250);
constexpr Duration kFirstAnswer = milliseconds(5);
constexpr Duration kProbing = milliseconds(750);

Status check(const Registration& registration) {
  const bool has_long_text =
      std::any_of(registration.txt.begin(), registration.txt.end(),
                  [](const std::string& string) { return string.size() > 255; });
  if (has_long_text) {
    return Status(StatusCode::kInvalidArgument, "a string of the text is longer than 255 bytes");
  }
  return check_instance_name(registration.name);
}

}  // namespace

SimPublication::SimPublication(SimDnsNetwork::Impl& network, SimHost& host,
                               Registration registration, DnsSd::StatusCallback callback)
    : registered_(network, host.publications, this),
      host_(host),
      registration_(std::move(registration)),
      outbox_(host.loop(), std::move(callback)) {
  ++network.publications;
  const Status status = check(registration_);
  if (status.is_ok() && host_.is_running()) {
    probe();
  } else {
    end(status.is_ok() ? host_.status() : status);
  }
}

SimPublication::~SimPublication() {
  leave();
  --registered_.network().publications;
}

void SimPublication::probe() {
  state_ = State::kWaiting;
  const Duration delay = registered_.network().between(Duration(), kMostProbeDelay);
  host_.loop().arm(*this, host_.loop().now() + delay + kFirstAnswer);
}

void SimPublication::probe_again() {
  if (state_ == State::kEnded) return;
  is_back_ = is_back_ || state_ == State::kEstablished;
  probe();
}

void SimPublication::on_timer(LocalTime now) {
  if (is_taken()) return end(Status(StatusCode::kAlreadyExists, "somebody else has that name"));
  if (state_ == State::kWaiting) {
    state_ = State::kProbing;
    host_.loop().arm(*this, now + kProbing - kFirstAnswer);
    return;
  }
  state_ = State::kEstablished;
  announce();
  if (!std::exchange(is_back_, false)) outbox_.push(Status());
}

bool SimPublication::is_taken() {
  SimPublication* rival = host_.rival_of(*this);
  if (rival == nullptr) return false;
  // Both had it before they saw each other: a conflict in which both may give up (RFC 6762 9).
  const bool do_both = is_back_ && registered_.network().random() % 2 == 0;
  if (do_both) rival->end(Status(StatusCode::kAlreadyExists, "somebody else has that name too"));
  return true;
}

void SimPublication::announce() {
  if (state_ != State::kEstablished) return;
  for (auto& [name, listener] : registered_.network().hosts) {
    if (registered_.network().hears(*listener, host_)) {
      listener->hear_after(kAnnouncementDelay, host_, registered_.id());
    }
  }
}

void SimPublication::leave() {
  if (state_ != State::kEstablished) return say_goodbye();
  for (auto& [name, listener] : registered_.network().hosts) {
    if (registered_.network().hears(*listener, host_)) {
      listener->hear_leaving(key(), registered_.id());
    }
  }
}

void SimPublication::say_goodbye() {
  if (state_ != State::kEstablished && !is_back_) return;
  for (auto& [name, listener] : registered_.network().hosts) {
    if (registered_.network().hears(*listener, host_)) {
      listener->hear_goodbye(key(), registered_.id());
    }
  }
}

void SimPublication::update(Registration registration) {
  if (state_ == State::kEnded) return;
  const Status status = check(registration);
  if (!status.is_ok()) return end(status);
  const bool is_renamed =
      registration.name != registration_.name || registration.type != registration_.type;
  if (is_renamed) {
    say_goodbye();
    is_back_ = false;
    registration_ = std::move(registration);
    return probe();
  }
  registration_ = std::move(registration);
  if (state_ != State::kEstablished) return;
  announce();
  outbox_.push(Status());
}

void SimPublication::end(const Status& status) {
  if (state_ == State::kEnded) return;
  if (host_.is_running()) say_goodbye();
  state_ = State::kEnded;
  is_back_ = false;
  disarm();
  outbox_.push_last(status);
}

}  // namespace echostream::discovery::testing
