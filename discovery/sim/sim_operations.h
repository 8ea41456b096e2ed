// What programs have asked of a simulated daemon, for as long as they hold it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "discovery/sim/outbox.h"
#include "discovery/sim/sim_network.h"

namespace echostream::discovery::testing {

/// What programs hold: known to the host for as long as it lives.
template <class Operation>
class Registered {
 public:
  using Registry = std::map<std::uint64_t, Operation*>;
  Registered(SimDnsNetwork::Impl& network, Registry& registry, Operation* self)
      : network_(network.shared_from_this()), registry_(registry), id_(network.next_id++) {
    registry_.emplace(id_, self);
  }
  ~Registered() { registry_.erase(id_); }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;
  SimDnsNetwork::Impl& network() const { return *network_; }
  std::uint64_t id() const { return id_; }

 private:
  std::shared_ptr<SimDnsNetwork::Impl> network_;
  Registry& registry_;
  std::uint64_t id_;
};

class SimWatch final : public Pending {
 public:
  SimWatch(SimDnsNetwork::Impl& network, SimHost& host, DnsSd::StatusCallback callback);
  void tell(const Status& status) { outbox_.push(status); }

 private:
  Registered<SimWatch> registered_;
  Outbox<Status, DnsSd::StatusCallback> outbox_;
};

class SimBrowse final : public Pending, private TimerNode {
 public:
  SimBrowse(SimDnsNetwork::Impl& network, SimHost& host, const std::string& type,
            DnsSd::BrowseCallback callback);
  ~SimBrowse() override;
  /// This instance may have come or gone.
  void refresh(const Instance& instance);
  /// Any may.
  void sweep();
  void end(const Status& status);

 private:
  void on_timer(LocalTime now) override;
  void show(const Instance& instance, bool is_there);

  Registered<SimBrowse> registered_;
  SimHost& host_;
  std::string type_;
  std::string subtype_;
  std::set<Instance> shown_;
  bool has_answers_ = false;
  Outbox<Result<InstanceEvent>, DnsSd::BrowseCallback> outbox_;
};

class SimResolve final : public Pending, private TimerNode {
 public:
  SimResolve(SimDnsNetwork::Impl& network, SimHost& host, Instance instance,
             DnsSd::ResolveCallback callback);
  ~SimResolve() override;
  /// What is known of it may have changed.
  void refresh();
  void end(const Status& status);

 private:
  void on_timer(LocalTime now) override;

  Registered<SimResolve> registered_;
  SimHost& host_;
  Instance instance_;
  std::multimap<Instance, SimResolve*>::iterator place_;
  std::optional<ResolvedInstance> said_;
  LocalTime give_up_at_;
  bool is_asking_ = true;
  Outbox<Result<ResolvedInstance>, DnsSd::ResolveCallback> outbox_;
};

class SimPublication final : public Publication, private TimerNode {
 public:
  SimPublication(SimDnsNetwork::Impl& network, SimHost& host, Registration registration,
                 DnsSd::StatusCallback callback);
  ~SimPublication() override;
  void update(Registration registration) override;

  const Registration& registration() const { return registration_; }
  SimHost::Key key() const { return {registration_.type, registration_.name}; }
  bool is_established() const { return state_ == State::kEstablished; }
  /// Tells everybody what it says now.
  void announce();
  /// As after a link came back.
  void probe_again();
  void say_goodbye();
  void end(const Status& status);

 private:
  enum class State : std::uint8_t { kWaiting, kProbing, kEstablished, kEnded };
  void on_timer(LocalTime now) override;
  void probe();
  bool is_taken();
  void leave();

  Registered<SimPublication> registered_;
  SimHost& host_;
  Registration registration_;
  State state_ = State::kWaiting;
  bool is_back_ = false;  // was established before a link came back
  Outbox<Status, DnsSd::StatusCallback> outbox_;
};

}  // namespace echostream::discovery::testing
