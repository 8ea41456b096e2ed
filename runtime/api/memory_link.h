// A link to another session of the same loop, in memory. Bytes move from the ready queue, never
// from inside a command, as they do over a network.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "runtime/api/link.h"
#include "runtime/api/session_state.h"

namespace echostream::internal {

class MemoryLink final : public Link, private ReadyNode {
 public:
  MemoryLink(Executor& executor, bool is_client) : executor_(executor), is_client_(is_client) {}
  ~MemoryLink() override;

  static void join(MemoryLink& a, MemoryLink& b);
  void bind(SessionState& session) { session_ = &session; }

  // core::TransportPort
  Result<StreamId> open_bidirectional() override { return open(next_bidirectional_, 0); }
  Result<StreamId> open_unidirectional() override { return open(next_unidirectional_, 2); }
  void write(StreamId id, Buffer bytes, bool fin) override;
  void set_priority(StreamId, core::Priority) override {}
  std::size_t unsent_bytes(StreamId id) const override;
  void notify_when_drained(StreamId id, std::size_t low_water_bytes) override;
  void reset(StreamId id, core::WireError code) override;
  void stop_sending(StreamId id, core::WireError code) override;
  void consume(StreamId id, std::size_t bytes) override;
  std::size_t max_datagram_bytes() const override { return kMaxDatagramBytes; }
  void send_datagram(Buffer header, Buffer payload, core::Priority, LocalTime) override;
  void send_stamped_datagram(Buffer datagram, std::uint64_t tag, LocalTime) override;
  void close(core::WireError code, std::string reason) override;

  // Link
  SocketAddress remote_address() const override { return {}; }
  std::optional<PeerIdentity> peer_identity() const override { return std::nullopt; }
  bool is_resumed() const override { return false; }
  bool can_send_early() const override { return false; }
  bool peer_decides_later() const override { return false; }
  std::optional<bool> early_data_accepted() const override { return std::nullopt; }
  Result<std::string> export_keying_material(std::string_view, std::string_view,
                                             std::size_t) const override {
    return Status(StatusCode::kFailedPrecondition, "a session in memory has no keys");
  }
  SocketAddress local_address() const override { return {}; }
  Result<SocketAddress> migrate(const SocketAddress&) override {
    return Status(StatusCode::kFailedPrecondition, "a session in memory has no path to change");
  }
  bool has_lost_its_address() const override { return false; }
  std::uint64_t target_bytes_per_s(core::Priority) const override { return 0; }
  void add_stats(SessionStats&) const override {}

 private:
  static constexpr std::size_t kMaxDatagramBytes = 1200;
  static constexpr std::size_t kStreamWindowBytes = 1024 * 1024;
  static constexpr std::uint64_t kMaxOpenStreams = 1024;

  // One direction: what we send on a stream.
  struct Outgoing {
    std::deque<Buffer> queue;
    std::size_t queued_bytes = 0;
    std::size_t unconsumed_bytes = 0;
    bool fin = false;
    bool announced = false;  // the peer knows the stream
    bool ended = false;      // fin or reset has reached the peer
    std::optional<std::uint64_t> reset_code;
    std::optional<std::size_t> low_water_bytes;
  };

  Result<StreamId> open(std::int64_t& next, std::int64_t kind);
  bool is_ours(StreamId id) const { return id.is_opened_by_server() != is_client_; }
  bool may_send(StreamId id) const { return id.is_bidirectional() || is_ours(id); }
  /// Null when there is no such stream, or not any more.
  Outgoing* outgoing(StreamId id);
  void on_ready() override;
  void deliver(StreamId id);
  void announce(StreamId id, Outgoing& stream);
  void close_if_done(StreamId id);
  void close_stream(StreamId id);
  void end(const Status& status);

  Executor& executor_;
  bool is_client_;
  MemoryLink* peer_ = nullptr;
  SessionState* session_ = nullptr;
  std::int64_t next_bidirectional_ = 0;
  std::int64_t next_unidirectional_ = 0;
  std::uint64_t open_streams_ = 0;  // of ours
  std::map<StreamId, Outgoing> streams_;
  std::set<StreamId> dirty_;
  std::deque<std::pair<StreamId, std::uint64_t>> stops_;
  struct Datagram {
    Buffer bytes;
    std::uint64_t tag = 0;  // not 0: the sender asked when it left
  };
  std::deque<Datagram> datagrams_;
  std::optional<Status> closing_;
  std::optional<Status> refusal_;  // what the peer is told instead
};

}  // namespace echostream::internal
