// A plugin that writes down what it sees, and misbehaves as the test wants.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "echostream/base/wait.h"
#include "echostream/plugin.h"

namespace echostream::testing {

/// "a.on_start", "b.on_session_open", ... of all plugins that write into it.
using Journal = std::vector<std::string>;

class ProbePlugin final : public Plugin {
 public:
  ProbePlugin(std::string name, std::shared_ptr<Journal> journal)
      : name_(std::move(name)), journal_(std::move(journal)) {}
  ~ProbePlugin() override { note("gone"); }

  /// What a hook does beside writing itself down.
  struct Behaviour {
    Duration waits{};
    bool throws_at_once = false;
    bool throws = false;
    Status status{};
  };
  std::map<std::string, Behaviour> behaviours;
  Duration patience = std::chrono::seconds(10);
  bool checks = true;
  Status service_verdict;
  std::optional<Session> opening;
  std::vector<Status> reasons;
  std::vector<SessionStats> last_stats;
  std::vector<ClockState> clock_states;
  std::vector<std::string> services;
  std::vector<SocketAddress> addresses;

  std::string_view name() const override { return name_; }
  Duration most_wait() const override { return patience; }
  bool checks_sessions() const override { return checks; }

  Task<Status> on_start(Node&) override { return behave("on_start"); }
  void on_draining(Node&) override { behave_now("on_draining"); }
  Task<void> on_stop(Node&) override { return forget_status(behave("on_stop")); }
  void on_listening(Node&, const SocketAddress& address) override {
    addresses.push_back(address);
    behave_now("on_listening");
  }
  Status on_service(Node&, const ServiceInfo& service) override {
    services.emplace_back(service.full_name);
    behave_now("on_service");
    return service_verdict;
  }
  void on_announce(Node&, Announcement& announcement) override {
    announcement.properties.emplace_back("from", name_);
    behave_now("on_announce");
  }
  Task<Status> on_session_opening(Node&, Session session) override {
    opening = session;
    return behave("on_session_opening");
  }
  void on_session_open(Node&, const Session&) override { behave_now("on_session_open"); }
  void on_session_closed(Node&, const Session&, const Status& reason,
                         const SessionStats& stats) override {
    reasons.push_back(reason);
    last_stats.push_back(stats);
    behave_now("on_session_closed");
  }
  void on_clock_changed(Node&, const Session&, const ClockEstimate& estimate) override {
    clock_states.push_back(estimate.state);
  }

 private:
  // Writes down the end of a hook, also one that is destroyed where it waits.
  class Waiting {
   public:
    Waiting(ProbePlugin& plugin, std::string hook) : plugin_(plugin), hook_(std::move(hook)) {}
    ~Waiting() {
      if (!is_over) plugin_.note(hook_ + " given up");
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    bool is_over = false;

   private:
    ProbePlugin& plugin_;
    const std::string hook_;
  };

  void note(const std::string& what) { journal_->push_back(name_ + "." + what); }
  void behave_now(const std::string& hook) {
    note(hook);
    const Behaviour& behaviour = behaviours[hook];
    if (behaviour.throws || behaviour.throws_at_once)
      throw std::runtime_error("a plugin's mistake");
  }
  Task<Status> behave(std::string hook) {
    if (behaviours[hook].throws_at_once) {
      note(hook);
      throw std::runtime_error("a plugin's mistake");
    }
    return behave_later(std::move(hook));
  }
  Task<Status> behave_later(std::string hook) {
    note(hook);
    const Behaviour behaviour = behaviours[hook];
    if (behaviour.waits > Duration::zero()) {
      Waiting waiting(*this, hook);
      (void)co_await sleep_for(behaviour.waits);
      waiting.is_over = true;
    }
    if (behaviour.throws) throw std::runtime_error("a plugin's mistake");
    co_return behaviour.status;
  }
  static Task<void> forget_status(Task<Status> task) { (void)co_await std::move(task); }

  const std::string name_;
  const std::shared_ptr<Journal> journal_;
};

}  // namespace echostream::testing
