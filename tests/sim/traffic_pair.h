// Two nodes that serve and call the Traffic service over a simulated link, with real TLS.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "echostream/node.h"
#include "echostream/testing/sim.h"

#include "tests/sim/piece_check.h"
#include "tests/sim/traffic.echostream.h"

namespace echostream::testing {

class TrafficHandler : public traffic::v1::Traffic::Handler {
 public:
  TrafficHandler(Simulation& sim, Loop& loop) : sim_(sim), loop_(loop) {}

  Task<Result<traffic::v1::Answer>> Ask(Call& call, traffic::v1::Question question) override;
  Task<Status> Tell(Call& call, traffic::v1::Note note) override;
  bool News(const traffic::v1::Topic&, const traffic::v1::Note&) override { return true; }
  Task<Status> Download(Call& call, traffic::v1::Order order,
                        Writer<traffic::v1::Piece> out) override;
  Task<Result<traffic::v1::Receipt>> Upload(Call& call, Reader<traffic::v1::Piece> in) override;
  Task<Status> Expiring(Call& call, traffic::v1::Order order,
                        Writer<traffic::v1::Piece> out) override;
  Task<Result<traffic::v1::Receipt>> ExpiringUpload(Call& call,
                                                    Reader<traffic::v1::Piece> in) override;
  Task<Status> Datagrams(Call& call, traffic::v1::Order order,
                         Writer<traffic::v1::Piece> out) override;
  Task<Result<traffic::v1::Receipt>> DatagramUpload(Call& call,
                                                    Reader<traffic::v1::Piece> in) override;
  Task<Status> Voice(Call& call, traffic::v1::Order order, Writer<traffic::v1::Piece> out) override;
  Task<Status> Picture(Call& call, traffic::v1::Order order,
                       Writer<traffic::v1::Piece> out) override;
  Task<Status> VoiceAlone(Call& call, traffic::v1::Order order,
                          Writer<traffic::v1::Piece> out) override;
  Task<Status> Sensor(Call& call, traffic::v1::Order order,
                      Writer<traffic::v1::Piece> out) override;
  Task<Result<traffic::v1::Receipt>> VoiceUpload(Call& call,
                                                 Reader<traffic::v1::Piece> in) override;
  Task<Status> Bulk(Call& call, traffic::v1::Order order, Writer<traffic::v1::Piece> out) override;
  Task<Status> Urgent(Call& call, traffic::v1::Order order,
                      Writer<traffic::v1::Piece> out) override;

  /// longest_path() of the link that leads here.
  Duration path{};
  int running = 0;
  int most_running = 0;
  int cancelled = 0;
  std::int64_t pieces_written = 0;
  std::set<std::int64_t> asked;
  std::vector<std::int64_t> told;
  /// How long questions and notes took to get here, as the call said.
  std::vector<std::optional<Latency>> latencies;
  /// Of the stream that was sent last.
  std::optional<StreamFeedback> feedback;

 private:
  class Running;
  // Both copy the call's reference into their frames: it outlives them.
  Task<Status> send(Call& call, traffic::v1::Order order, Writer<traffic::v1::Piece> out);
  Task<Result<traffic::v1::Receipt>> receive(Call& call, Reader<traffic::v1::Piece> in,
                                             Delivery delivery);
  Simulation& sim_;
  Loop& loop_;
};

/// An identity whose handshakes have the same lengths in every run: RSA, not ECDSA.
const Identity& fixed_size_identity();

struct TrafficOptions {
  std::uint64_t seed = 1;
  LinkOptions to_server{};
  LinkOptions to_client{};
  ClockOptions server_clock{};
  ClockOptions client_clock{};
  std::function<void(NodeOptions&)> tune_server;
  std::function<void(NodeOptions&)> tune_client;

  void set_link(const LinkOptions& link) { to_server = to_client = link; }
};

class TrafficPair {
 public:
  struct Side {
    std::string name;
    Loop* loop = nullptr;
    std::shared_ptr<TrafficHandler> handler;
    std::unique_ptr<Node> node;
    std::optional<Session> session;
    std::vector<Status> closed;

    traffic::v1::Traffic::Client client() const { return session->client<traffic::v1::Traffic>(); }
  };

  explicit TrafficPair(const TrafficOptions& options);
  ~TrafficPair();

  /// Dials; the dial's result. The server's end is there when it is OK.
  Status connect(Duration limit = std::chrono::seconds(30));
  /// Changes the link in both directions, cut or whole.
  void set_cut(bool cut);
  void set_link(const LinkOptions& to_server, const LinkOptions& to_client);

  /// Runs a task on the client's loop to its end; nothing, and a failure, when it takes longer.
  template <class T>
  std::optional<T> run(Task<T> task, Duration limit = std::chrono::seconds(60)) {
    auto result = sim.run(*client.loop, std::move(task), limit);
    EXPECT_TRUE(result.has_value()) << "took longer than " << limit.count() << " ns";
    return result;
  }
  bool wait_until(const std::function<bool()>& done, Duration limit) {
    return sim.run_until(done, limit);
  }
  Duration now() const { return sim.elapsed(); }

  TrafficOptions options;
  Simulation sim;
  Side server;
  Side client;

 private:
  void add(Side& side, std::uint8_t last, const ClockOptions& clock);
};

traffic::v1::Question question(std::int64_t id, std::size_t bytes = 0);
traffic::v1::Order order(std::int64_t count, Duration interval, std::int64_t bytes);

struct StreamResult {
  Status status;
  std::int64_t received = 0;
  std::int64_t lost = 0;
  Duration greatest_age{};
};

/// Reads a stream to its end, and checks it.
Task<StreamResult> read_pieces(TrafficPair& pair, TrafficPair::Side& side,
                               Reader<traffic::v1::Piece> reader, Delivery delivery);
/// Writes pieces as ordered, then waits for the receipt, and checks it when the call went well.
Task<Status> write_pieces(Simulation& sim,
                          ClientStream<traffic::v1::Piece, traffic::v1::Receipt> stream,
                          traffic::v1::Order order);

}  // namespace echostream::testing
