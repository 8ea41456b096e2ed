// What the thread that talks to avahi-daemon has to tell the user's loop. Not a queue: the newest
// of each thing, so that it stays small however long that loop does not look and whatever flaps.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "echostream/base/status.h"
#include "echostream/base/unique_function.h"
#include "echostream/discovery/dns_sd.h"

namespace echostream::discovery {

using OperationId = std::uint64_t;

/// News of one publication, browsing or resolving.
struct News {
  /// Browsing: what appeared (true) or has gone since the last look.
  std::map<Instance, bool> instances;
  bool is_all_for_now = false;
  std::optional<ResolvedInstance> resolved;
  /// Of a publication; of the others, the error that ended them.
  std::optional<Status> status;
};

class Inbox {
 public:
  struct Contents {
    /// The connection to the daemon was lost since the last look, even if it is `status` OK again.
    std::optional<Status> lost;
    std::optional<Status> status;
    std::map<OperationId, News> news;
    /// How many commands have been carried out since the last look.
    std::uint64_t done = 0;
  };

  /// `wake` is called, on the thread that puts something in, when there was nothing new before. It
  /// must not call back in here.
  explicit Inbox(UniqueFunction<void()> wake) : wake_(std::move(wake)) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // The daemon's side. An error means that all that ran has ended.
  void put_daemon_status(Status status);
  void put_done();
  void put_status(OperationId id, Status status);
  void put_event(OperationId id, const InstanceEvent& event);
  void put_resolved(OperationId id, ResolvedInstance resolved);

  // The user's side.
  Contents take();
  /// Nothing calls `wake` after this.
  void close();

 private:
  void wake();

  std::mutex mutex_;
  UniqueFunction<void()> wake_;
  bool is_awake_ = false;
  Contents contents_;
};

}  // namespace echostream::discovery
