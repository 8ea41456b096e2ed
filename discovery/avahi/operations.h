// The user's side of what a Worker does: who is called back, and how it is begun.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "echostream/base/status.h"
#include "echostream/discovery/dns_sd.h"

#include "discovery/avahi/inbox.h"
#include "discovery/avahi/worker.h"

namespace echostream::discovery {

/// One publication, browsing or resolving. Callbacks may end it: whoever calls one of these holds
/// it.
class Operation {
 public:
  virtual ~Operation() = default;
  /// The command that begins it, as it should be now.
  virtual UniqueFunction<void(Worker&)> beginning(OperationId id) const = 0;
  /// Calls back with what is no error.
  virtual void deliver(News& news) = 0;
  /// Calls back, for the last time.
  virtual void fail(const Status& error) = 0;

  bool has_begun = false;
  bool has_ended = false;
};

class PublishOperation final : public Operation {
 public:
  PublishOperation(Registration registration, DnsSd::StatusCallback callback)
      : registration_(std::move(registration)), callback_(std::move(callback)) {}
  UniqueFunction<void(Worker&)> beginning(OperationId id) const override;
  void deliver(News& news) override;
  void fail(const Status& error) override { callback_(error); }
  void set_registration(Registration registration) { registration_ = std::move(registration); }

 private:
  Registration registration_;
  DnsSd::StatusCallback callback_;
};

class BrowseOperation final : public Operation {
 public:
  BrowseOperation(std::string type, DnsSd::BrowseCallback callback)
      : type_(std::move(type)), callback_(std::move(callback)) {}
  UniqueFunction<void(Worker&)> beginning(OperationId id) const override;
  void deliver(News& news) override;
  void fail(const Status& error) override { callback_(error); }

 private:
  std::string type_;
  DnsSd::BrowseCallback callback_;
};

class ResolveOperation final : public Operation {
 public:
  ResolveOperation(Instance instance, DnsSd::ResolveCallback callback)
      : instance_(std::move(instance)), callback_(std::move(callback)) {}
  UniqueFunction<void(Worker&)> beginning(OperationId id) const override;
  void deliver(News& news) override;
  void fail(const Status& error) override { callback_(error); }

 private:
  Instance instance_;
  DnsSd::ResolveCallback callback_;
};

}  // namespace echostream::discovery
