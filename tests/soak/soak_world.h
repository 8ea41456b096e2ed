// A small fleet that lives for simulated hours: one server, clients that keep dialling it, and
// users of all kinds on both ends. Everything they may rely on is checked as it happens; what a
// fleet has to suffer is decided elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/traffic_pair.h"

namespace echostream::testing {

/// What happened in all.
struct SoakTally {
  std::uint64_t sessions = 0;
  std::uint64_t failed_dials = 0;
  std::uint64_t answers = 0;
  std::uint64_t unanswered = 0;  // the session ended first
  std::uint64_t events = 0;
  std::uint64_t news = 0;
  std::uint64_t news_dropped = 0;
  std::uint64_t reliable_streams = 0;  // that came to their end, whole
  std::uint64_t expiring_frames = 0;
  std::uint64_t expiring_lost = 0;
  std::uint64_t datagram_frames = 0;
  std::uint64_t datagram_lost = 0;
};

class SoakWorld;

/// Answers each question once, and checks the order of the notes, in bounded memory.
class SoakHandler final : public TrafficHandler {
 public:
  SoakHandler(SoakWorld& world, Simulation& sim, Loop& loop)
      : TrafficHandler(sim, loop), world_(world) {}
  Task<Result<traffic::v1::Answer>> Ask(Call& call, traffic::v1::Question question) override;
  Task<Status> Tell(Call& call, traffic::v1::Note note) override;

 private:
  SoakWorld& world_;
  std::set<std::int64_t> answered_;
  /// By teller: the number of its next note.
  std::map<std::int64_t, std::int64_t> notes_;
};

class SoakWorld {
 public:
  struct Member {
    std::string name;
    std::uint8_t address = 0;  // 10.0.0.`address`
    Loop* loop = nullptr;
    std::shared_ptr<SoakHandler> handler;
    std::unique_ptr<Node> node;
    // Destroyed before the node.
    std::unique_ptr<TaskGroup> tasks;
    /// A client's session while it has one.
    std::optional<Session> session;
    /// A client's: longest_path() to the server, of the link that it has and of the one before.
    Duration to_server{};
    Duration to_server_before{};
    Duration from_server{};
    /// The number of the next news that it publishes.
    std::int64_t news = 0;
  };

  SoakWorld(std::uint64_t seed, std::size_t clients);
  ~SoakWorld();

  /// The node goes away in the middle of everything; a new one takes its place after `pause`.
  void restart(Member& member, Duration pause);
  /// Both directions between a client and the server. Frames may still be on their way over the
  /// link before, so the slower of the two says what is too old. Seconds lie between changes.
  void set_link(Member& client, const LinkOptions& to_server, const LinkOptions& to_client);
  /// The client moves to another socket, if it has a session and the link lets it.
  void migrate(Member& client);
  bool all_connected() const;

  Simulation sim;
  Member server;
  std::vector<std::unique_ptr<Member>> clients;
  SoakTally tally;
  std::int64_t next_id() { return ++ids_; }

 private:
  void start(Member& member);
  void stop(Member& member);
  Task<void> live(Member& me);
  static Task<void> publish(Member& me);

  std::int64_t ids_ = 0;
};

}  // namespace echostream::testing
