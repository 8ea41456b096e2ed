// The inside of SimDnsNetwork: hosts with their daemons, and what each of them has heard of the
// others. Not packets: who says what to whom, and when it is known there.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "echostream/discovery/sim_dns_sd.h"

namespace echostream::discovery::testing {

class SimHost;
class SimBrowse;
class SimPublication;
class SimResolve;
class SimWatch;

inline constexpr std::uint32_t kSimInterface = 2;
inline constexpr char kSimInterfaceName[] = "eth0";
inline constexpr Duration kAnnouncementDelay = std::chrono::milliseconds(1);
inline constexpr Duration kLeastAnswerDelay = std::chrono::milliseconds(20);
inline constexpr Duration kMostAnswerDelay = std::chrono::milliseconds(120);

/// Without regard to case, as names compare in DNS.
bool equal_names(std::string_view a, std::string_view b);

struct SimDnsNetwork::Impl : std::enable_shared_from_this<SimDnsNetwork::Impl> {
  explicit Impl(std::uint64_t seed);
  ~Impl();

  SimHost& host(std::string_view name);
  /// Uniform in [least, most).
  Duration between(Duration least, Duration most);
  Duration answer_delay() { return between(kLeastAnswerDelay, kMostAnswerDelay); }
  /// On that host's clock, unless its daemon stops before.
  void after(SimHost& host, Duration delay, UniqueFunction<void()> function);
  bool hears(const SimHost& listener, const SimHost& speaker) const;

  std::mt19937_64 random;
  std::uint64_t next_id = 1;
  std::map<std::string, std::unique_ptr<SimHost>, std::less<>> hosts;
  std::multimap<Instance, ResolvedInstance> injected;
  std::size_t browsers = 0;
  std::size_t publications = 0;
  std::size_t resolvers = 0;

 private:
  struct Job;
  std::list<Job> jobs_;
};

/// What a daemon has heard of one publication, its own included.
struct Heard {
  std::uint64_t owner = 0;  // SimPublication::id()
  SimHost* from = nullptr;
  Registration says;
  std::optional<SocketAddress> addresses[2];  // IPv4, IPv6
  bool is_resolvable = true;
  std::uint64_t version = 0;  // what was planned for another version is off
};

class SimHost {
 public:
  using Key = std::pair<std::string, std::string>;  // type and name

  SimHost(SimDnsNetwork::Impl& network, Loop& loop, std::string name, unsigned number);

  Loop& loop() const { return loop_; }
  const std::string& name() const { return name_; }
  bool is_running() const { return is_running_; }
  bool is_link_up() const { return is_link_up_; }
  /// Another one after each stop.
  std::uint64_t life() const { return life_; }
  Status status() const;

  void start();
  void stop(bool goodbye);
  void set_link(bool up);

  /// Soon this daemon knows what that publication, wherever it is, says now.
  void hear_after(Duration delay, SimHost& from, std::uint64_t publication);
  /// The publication said goodbye.
  void hear_goodbye(const Key& key, std::uint64_t publication);
  /// It says that it is leaving, and goodbye after that.
  void hear_leaving(const Key& key, std::uint64_t publication);
  /// Something about an injected instance has changed.
  void refresh(const Instance& instance);

  bool is_visible(const Instance& instance, const std::string& type,
                  const std::string& subtype) const;
  std::optional<ResolvedInstance> lookup(const Instance& instance) const;
  /// Everything of that type.
  std::set<Instance> visible(const std::string& type, const std::string& subtype) const;
  /// Somebody else has the name; null: nobody.
  SimPublication* rival_of(const SimPublication& publication) const;

  std::map<std::uint64_t, SimBrowse*> browses;
  std::map<std::uint64_t, SimPublication*> publications;
  std::map<std::uint64_t, SimResolve*> resolves;
  std::map<std::uint64_t, SimWatch*> watches;
  std::multimap<Instance, SimResolve*> resolves_by_instance;

 private:
  SocketAddress address(SocketAddress::Family family) const;
  void hear(SimHost& from, std::uint64_t publication);
  /// Nothing more is heard from there.
  void lose(const SimHost& from);
  void forget_others();
  /// Does something to what is known, unless it is another version by then.
  void plan(const Key& key, Duration delay, void (SimHost::*action)(const Key&));
  void forget(const Key& key);
  void forget_address(const Key& key);
  void refresh(const Key& key);
  void sweep();

  SimDnsNetwork::Impl& network_;
  Loop& loop_;
  std::string name_;
  unsigned number_;
  std::unique_ptr<Pending> address_watch_;
  bool is_running_ = true;
  bool is_link_up_ = true;
  std::uint64_t life_ = 0;
  std::uint64_t next_version_ = 1;
  std::map<Key, Heard> heard_;
};

}  // namespace echostream::discovery::testing
