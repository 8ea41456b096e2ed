// The user's side of avahi-daemon: what runs, whether the daemon is there, and callbacks on the
// user's loop. Waits for nothing.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "echostream/loop.h"

#include "discovery/avahi/operations.h"
#include "discovery/avahi/worker_thread.h"

namespace echostream::discovery {

/// Everything on the loop's thread. Held by the DnsSd, and by what was begun with it, which may
/// outlive that and is then silent.
class DaemonLink final : public std::enable_shared_from_this<DaemonLink> {
 public:
  explicit DaemonLink(Loop& loop) : loop_(loop) {}
  DaemonLink(const DaemonLink&) = delete;
  DaemonLink& operator=(const DaemonLink&) = delete;

  void start();
  void close();

  OperationId watch(DnsSd::StatusCallback callback);
  OperationId begin(std::shared_ptr<Operation> operation);
  /// Calls back with that error, soon: for what cannot even be asked for.
  OperationId refuse(std::shared_ptr<Operation> operation, Status error);
  void update(OperationId id, const Registration& registration);
  /// Of either; does nothing when it has ended.
  void end(OperationId id);

 private:
  struct StatusWatch {
    DnsSd::StatusCallback callback;
    std::optional<Status> told;
    bool has_ended = false;
  };
  class Wake final : public ReadyNode {
   public:
    explicit Wake(DaemonLink& link) : link_(link) {}
    void on_ready() override { link_.look(); }

   private:
    DaemonLink& link_;
  };
  class Timer final : public TimerNode {
   public:
    using Run = void (DaemonLink::*)();
    Timer(DaemonLink& link, Run run) : link_(link), run_(run) {}
    void on_timer(LocalTime) override { (link_.*run_)(); }

   private:
    DaemonLink& link_;
    Run run_;
  };

  void look();
  void deliver(OperationId id, News& news);
  void set_status();
  void tell_watches();
  void begin_waiting();
  void end_all();
  void fail_refused();
  void fail(OperationId id, const Status& error);
  void send(UniqueFunction<void(Worker&)> command);
  void watch_progress();
  void on_no_progress();

  Loop& loop_;
  std::unique_ptr<WorkerThread> thread_;
  std::map<OperationId, std::shared_ptr<Operation>> operations_;
  std::map<OperationId, std::shared_ptr<StatusWatch>> watches_;
  std::vector<std::pair<OperationId, Status>> refused_;
  OperationId last_id_ = 0;
  std::optional<Status> status_;         // nothing until it is known
  std::optional<Status> daemon_status_;  // as the worker said last
  bool hangs_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t done_ = 0;
  Wake wake_{*this};
  Timer progress_{*this, &DaemonLink::on_no_progress};
  Timer restart_{*this, &DaemonLink::start};
};

}  // namespace echostream::discovery
