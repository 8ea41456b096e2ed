// make_system_dns_sd(): avahi-daemon as a DnsSd.
#include <memory>
#include <string>
#include <utility>

#include "echostream/discovery/dns_sd.h"

#include "discovery/avahi/daemon_link.h"
#include "discovery/avahi/errors.h"
#include "discovery/avahi/records.h"

namespace echostream::discovery {
namespace {

Status no_such_text() {
  return Status(StatusCode::kInvalidArgument, "types and names are UTF-8 without NUL");
}

// Something that runs, until it is destroyed.
class Running final : public Publication {
 public:
  Running(std::shared_ptr<DaemonLink> link, OperationId id) : link_(std::move(link)), id_(id) {}
  ~Running() override { link_->end(id_); }
  void update(Registration registration) override { link_->update(id_, registration); }

 private:
  std::shared_ptr<DaemonLink> link_;
  OperationId id_;
};

class AvahiDnsSd final : public DnsSd {
 public:
  explicit AvahiDnsSd(Loop& loop) : link_(std::make_shared<DaemonLink>(loop)) { link_->start(); }
  ~AvahiDnsSd() override { link_->close(); }

  std::unique_ptr<Pending> watch_status(StatusCallback callback) override {
    return running(link_->watch(std::move(callback)));
  }
  std::unique_ptr<Publication> publish(Registration registration,
                                       StatusCallback callback) override {
    Status error = check_registration(registration);
    return begin(std::make_shared<PublishOperation>(std::move(registration), std::move(callback)),
                 std::move(error));
  }
  std::unique_ptr<Pending> browse(std::string type, BrowseCallback callback) override {
    Status error = is_dbus_text(type) ? Status() : no_such_text();
    return begin(std::make_shared<BrowseOperation>(std::move(type), std::move(callback)),
                 std::move(error));
  }
  std::unique_ptr<Pending> resolve(const Instance& instance, ResolveCallback callback) override {
    const bool is_text =
        is_dbus_text(instance.name) && is_dbus_text(instance.type) && is_dbus_text(instance.domain);
    return begin(std::make_shared<ResolveOperation>(instance, std::move(callback)),
                 is_text ? Status() : no_such_text());
  }

 private:
  std::unique_ptr<Publication> running(OperationId id) {
    return std::make_unique<Running>(link_, id);
  }
  std::unique_ptr<Publication> begin(std::shared_ptr<Operation> operation, Status error) {
    return running(error.is_ok() ? link_->begin(std::move(operation))
                                 : link_->refuse(std::move(operation), std::move(error)));
  }

  std::shared_ptr<DaemonLink> link_;
};

}  // namespace

std::shared_ptr<DnsSd> make_system_dns_sd(Loop& loop) { return std::make_shared<AvahiDnsSd>(loop); }

}  // namespace echostream::discovery
