// A daemon that does what a test tells it to.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echostream/discovery/dns_sd.h"
#include "echostream/testing/sim.h"

namespace echostream::discovery::testing {

class FakeDnsSd final : public DnsSd {
 public:
  explicit FakeDnsSd(echostream::testing::Simulation& sim, Loop& loop) : sim_(sim), loop_(loop) {}

  /// Something published, as it was at first and after each update.
  struct Published {
    std::vector<Registration> versions;
    std::vector<Duration> at;  // true time of each
    bool is_withdrawn = false;
    StatusCallback callback;
  };

  void set_status(Status status) {
    status_ = std::move(status);
    for (const auto& watch : watches_) tell_status(watch);
  }
  /// Answers the publication of the moment, which the test knows to be there.
  void answer(Status status) {
    auto published = publications.back();
    if (!status.is_ok()) published->is_withdrawn = true;
    loop_.post([published, status] {
      if (published->callback) published->callback(status);
    });
  }
  /// What is announced at the moment.
  std::optional<Registration> current() const {
    if (publications.empty() || publications.back()->is_withdrawn) return std::nullopt;
    return publications.back()->versions.back();
  }

  std::unique_ptr<Pending> watch_status(StatusCallback callback) override {
    auto watch = std::make_shared<StatusCallback>(std::move(callback));
    watches_.push_back(watch);
    if (status_) tell_status(watch);
    return std::make_unique<Watch>(std::move(watch));
  }
  std::unique_ptr<Publication> publish(Registration registration,
                                       StatusCallback callback) override {
    auto published = std::make_shared<Published>();
    published->callback = std::move(callback);
    publications.push_back(published);
    auto handle = std::make_unique<Handle>(sim_, published);
    handle->update(std::move(registration));
    return handle;
  }
  std::unique_ptr<Pending> browse(std::string, BrowseCallback) override { return nullptr; }
  std::unique_ptr<Pending> resolve(const Instance&, ResolveCallback) override { return nullptr; }
  std::string host_name() const override { return host; }
  Result<std::uint32_t> interface_index(const std::string& name) const override {
    if (name == interface_name && interface_number != 0) return std::uint32_t{interface_number};
    return Status(StatusCode::kNotFound, "no interface '" + name + "'");
  }

  std::vector<std::shared_ptr<Published>> publications;
  std::string host = "workshop";
  std::string interface_name = "eth0";
  std::uint32_t interface_number = 2;

 private:
  using WatchPointer = std::shared_ptr<StatusCallback>;
  struct Watch final : Pending {
    explicit Watch(WatchPointer its_callback) : callback(std::move(its_callback)) {}
    ~Watch() override { *callback = nullptr; }
    WatchPointer callback;
  };
  struct Handle final : Publication {
    Handle(echostream::testing::Simulation& its_sim, std::shared_ptr<Published> its_state)
        : sim(its_sim), state(std::move(its_state)) {}
    ~Handle() override {
      state->is_withdrawn = true;
      state->callback = nullptr;
    }
    void update(Registration registration) override {
      state->versions.push_back(std::move(registration));
      state->at.push_back(sim.elapsed());
    }
    echostream::testing::Simulation& sim;
    std::shared_ptr<Published> state;
  };

  void tell_status(const WatchPointer& watch) {
    loop_.post([watch, status = *status_] {
      if (*watch) (*watch)(status);
    });
  }

  echostream::testing::Simulation& sim_;
  Loop& loop_;
  std::optional<Status> status_;
  std::vector<WatchPointer> watches_;
};

}  // namespace echostream::discovery::testing
