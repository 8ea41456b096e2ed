// Watching, browsing and resolving.
#include "discovery/sim/sim_operations.h"

namespace echostream::discovery::testing {
namespace {

constexpr Duration kAllForNow = std::chrono::seconds(1);
constexpr Duration kResolvePatience = std::chrono::seconds(5);

}  // namespace

SimWatch::SimWatch(SimDnsNetwork::Impl& network, SimHost& host, DnsSd::StatusCallback callback)
    : registered_(network, host.watches, this), outbox_(host.loop(), std::move(callback)) {
  outbox_.push(host.status());
}

// "_camera._sub._echostream._udp": that subtype of that type.
SimBrowse::SimBrowse(SimDnsNetwork::Impl& network, SimHost& host, const std::string& type,
                     DnsSd::BrowseCallback callback)
    : registered_(network, host.browses, this),
      host_(host),
      type_(type),
      outbox_(host.loop(), std::move(callback)) {
  ++network.browsers;
  constexpr std::string_view kSub = "._sub.";
  const std::size_t sub = type.find(kSub);
  if (sub != std::string::npos) {
    type_ = type.substr(sub + kSub.size());
    subtype_ = type.substr(0, sub);
  }
  if (host_.is_running()) {
    host_.loop().arm(*this, host_.loop().now() + network.answer_delay());
  } else {
    outbox_.push_last(host_.status());
  }
}

SimBrowse::~SimBrowse() { --registered_.network().browsers; }

void SimBrowse::on_timer(LocalTime now) {
  if (!has_answers_) {
    has_answers_ = true;
    sweep();
    host_.loop().arm(*this, now + kAllForNow - kMostAnswerDelay);
    return;
  }
  outbox_.push(InstanceEvent{InstanceEvent::Kind::kAllForNow, {}});
}

void SimBrowse::refresh(const Instance& instance) {
  if (!outbox_.is_closed()) show(instance, host_.is_visible(instance, type_, subtype_));
}

void SimBrowse::sweep() {
  if (outbox_.is_closed()) return;
  const std::set<Instance> there = host_.visible(type_, subtype_);
  const std::set<Instance> before = shown_;
  for (const Instance& instance : before) show(instance, there.contains(instance));
  for (const Instance& instance : there) show(instance, true);
}

void SimBrowse::show(const Instance& instance, bool is_there) {
  const bool is_new = is_there ? shown_.insert(instance).second : shown_.erase(instance) > 0;
  if (!is_new) return;
  const auto kind = is_there ? InstanceEvent::Kind::kAppeared : InstanceEvent::Kind::kGone;
  outbox_.push(InstanceEvent{kind, instance});
}

void SimBrowse::end(const Status& status) {
  disarm();
  outbox_.push_last(status);
}

SimResolve::SimResolve(SimDnsNetwork::Impl& network, SimHost& host, Instance instance,
                       DnsSd::ResolveCallback callback)
    : registered_(network, host.resolves, this),
      host_(host),
      instance_(std::move(instance)),
      place_(host.resolves_by_instance.emplace(instance_, this)),
      give_up_at_(host.loop().now() + kResolvePatience),
      outbox_(host.loop(), std::move(callback)) {
  ++network.resolvers;
  if (host_.is_running()) {
    host_.loop().arm(*this, host_.loop().now() + network.answer_delay());
  } else {
    outbox_.push_last(host_.status());
  }
}

SimResolve::~SimResolve() {
  host_.resolves_by_instance.erase(place_);
  --registered_.network().resolvers;
}

// The question has just gone out, or nobody has answered for long.
void SimResolve::on_timer(LocalTime now) {
  is_asking_ = false;
  refresh();
  if (is_armed() || now < give_up_at_ || host_.lookup(instance_)) return;
  end(Status(StatusCode::kNotFound, "nobody says where it is"));
}

void SimResolve::refresh() {
  if (outbox_.is_closed() || is_asking_) return;
  const LocalTime now = host_.loop().now();
  auto says = host_.lookup(instance_);
  if (says) {
    disarm();
    give_up_at_ = kNever;
    if (says == said_) return;
    said_ = says;
    outbox_.push(*std::move(says));
    return;
  }
  if (give_up_at_ == kNever) give_up_at_ = now + kResolvePatience;
  if (now < give_up_at_) host_.loop().arm(*this, give_up_at_);
}

void SimResolve::end(const Status& status) {
  disarm();
  outbox_.push_last(status);
}

}  // namespace echostream::discovery::testing
