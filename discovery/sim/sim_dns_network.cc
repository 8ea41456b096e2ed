#include <algorithm>

#include "echostream/base/check.h"

#include "discovery/sim/sim_operations.h"

namespace echostream::discovery::testing {
namespace {

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

class SimDnsSd final : public DnsSd {
 public:
  SimDnsSd(std::shared_ptr<SimDnsNetwork::Impl> network, SimHost& host)
      : network_(std::move(network)), host_(host) {}

  std::unique_ptr<Pending> watch_status(StatusCallback callback) override {
    return std::make_unique<SimWatch>(*network_, host_, std::move(callback));
  }
  std::unique_ptr<Publication> publish(Registration registration,
                                       StatusCallback callback) override {
    return std::make_unique<SimPublication>(*network_, host_, std::move(registration),
                                            std::move(callback));
  }
  std::unique_ptr<Pending> browse(std::string type, BrowseCallback callback) override {
    return std::make_unique<SimBrowse>(*network_, host_, type, std::move(callback));
  }
  std::unique_ptr<Pending> resolve(const Instance& instance, ResolveCallback callback) override {
    return std::make_unique<SimResolve>(*network_, host_, instance, std::move(callback));
  }
  std::string host_name() const override { return host_.name(); }
  Result<std::uint32_t> interface_index(const std::string& name) const override {
    if (name == kSimInterfaceName) return std::uint32_t{kSimInterface};
    return Status(StatusCode::kNotFound, "the simulated machine has no interface '" + name + "'");
  }

 private:
  std::shared_ptr<SimDnsNetwork::Impl> network_;
  SimHost& host_;
};

// An injected instance, for as long as it is held.
class Injection final : public Pending {
 public:
  Injection(std::shared_ptr<SimDnsNetwork::Impl> network, Instance instance, ResolvedInstance says)
      : network_(std::move(network)),
        place_(network_->injected.emplace(std::move(instance), std::move(says))) {
    refresh_all(place_->first);
  }
  ~Injection() override {
    const Instance instance = place_->first;
    network_->injected.erase(place_);
    refresh_all(instance);
  }

 private:
  void refresh_all(const Instance& instance) {
    for (auto& [name, host] : network_->hosts) host->refresh(instance);
  }
  std::shared_ptr<SimDnsNetwork::Impl> network_;
  std::multimap<Instance, ResolvedInstance>::iterator place_;
};

}  // namespace

bool equal_names(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

// Something that happens later; frees itself then.
struct SimDnsNetwork::Impl::Job final : TimerNode {
  Job(Impl& network_in, SimHost& host_in, UniqueFunction<void()> function_in)
      : network(network_in),
        host(host_in),
        life(host_in.life()),
        function(std::move(function_in)) {}
  void on_timer(LocalTime) override {
    UniqueFunction<void()> run = std::move(function);
    const bool is_off = host.life() != life;
    network.jobs_.erase(place);  // this
    if (!is_off) run();
  }
  Impl& network;
  SimHost& host;
  std::uint64_t life;
  UniqueFunction<void()> function;
  std::list<Job>::iterator place;
};

SimDnsNetwork::Impl::Impl(std::uint64_t seed) : random(seed) {}
SimDnsNetwork::Impl::~Impl() = default;

SimHost& SimDnsNetwork::Impl::host(std::string_view name) {
  const auto found = hosts.find(name);
  ECHOSTREAM_CHECK(found != hosts.end(), "the simulated network has no host of that name");
  return *found->second;
}

Duration SimDnsNetwork::Impl::between(Duration least, Duration most) {
  return least + Duration(random() % static_cast<std::uint64_t>((most - least).count()));
}

void SimDnsNetwork::Impl::after(SimHost& host, Duration delay, UniqueFunction<void()> function) {
  Job& job = jobs_.emplace_back(*this, host, std::move(function));
  job.place = std::prev(jobs_.end());
  host.loop().arm(job, host.loop().now() + delay);
}

bool SimDnsNetwork::Impl::hears(const SimHost& listener, const SimHost& speaker) const {
  if (!listener.is_running() || !speaker.is_running()) return false;
  return &listener == &speaker || (listener.is_link_up() && speaker.is_link_up());
}

SimDnsNetwork::SimDnsNetwork(echostream::testing::Simulation& simulation)
    : impl_(std::make_shared<Impl>(simulation.seed())) {}
SimDnsNetwork::~SimDnsNetwork() = default;

std::shared_ptr<DnsSd> SimDnsNetwork::daemon(Loop& loop, std::string host) {
  auto& place = impl_->hosts[host];
  if (place == nullptr) {
    const auto number = static_cast<unsigned>(impl_->hosts.size());
    place = std::make_unique<SimHost>(*impl_, loop, std::move(host), number);
  }
  ECHOSTREAM_CHECK(&place->loop() == &loop, "that simulated host is on another loop");
  return std::make_shared<SimDnsSd>(impl_, *place);
}

void SimDnsNetwork::stop_daemon(std::string_view host, bool goodbye) {
  impl_->host(host).stop(goodbye);
}
void SimDnsNetwork::start_daemon(std::string_view host) { impl_->host(host).start(); }
void SimDnsNetwork::set_link(std::string_view host, bool up) { impl_->host(host).set_link(up); }

std::unique_ptr<Pending> SimDnsNetwork::inject(Instance instance, ResolvedInstance says) {
  return std::make_unique<Injection>(impl_, std::move(instance), std::move(says));
}

std::size_t SimDnsNetwork::browsers() const { return impl_->browsers; }
std::size_t SimDnsNetwork::publications() const { return impl_->publications; }
std::size_t SimDnsNetwork::resolvers() const { return impl_->resolvers; }

}  // namespace echostream::discovery::testing
