// TCP in the simulator: byte streams that lose nothing, with the delay of the link between two
// nodes, and its cuts; no rate. A window holds back who writes to a peer that does not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "runtime/sim/sim_loop.h"

namespace echostream::testing {

class SimTcpListener final : public TcpListener {
 public:
  using Accept = UniqueFunction<void(std::unique_ptr<TcpConnection>)>;
  SimTcpListener(SimLoop& loop, const SocketAddress& local, Accept accept)
      : loop_(loop), local_(local), accept_(std::move(accept)) {}
  ~SimTcpListener() override { loop_.forget(*this); }
  SocketAddress local_address() const override { return local_; }
  void accept(std::unique_ptr<TcpConnection> connection) { accept_(std::move(connection)); }

 private:
  SimLoop& loop_;
  SocketAddress local_;
  Accept accept_;
};

class SimTcpConnection final : public TcpConnection, private TimerNode, private ReadyNode {
 public:
  SimTcpConnection(SimLoop& loop, const SocketAddress& local, const SocketAddress& remote)
      : loop_(loop), local_(local), remote_(remote) {}
  ~SimTcpConnection() override;
  static void join(SimTcpConnection& a, SimTcpConnection& b);

  SocketAddress local_address() const override { return local_; }
  SocketAddress remote_address() const override { return remote_; }
  void start(TcpHandler& handler) override;
  void set_reading(bool on) override;
  std::size_t write(BytesView bytes) override;
  void end_writing() override;
  /// The peer gets to know that the connection is lost, and not that it has ended.
  void reset();

 private:
  enum class Kind : std::uint8_t { kBytes, kEnd, kReset };
  struct Segment {
    Kind kind;
    Duration at;  // true time
    std::vector<std::uint8_t> bytes;
  };

  void on_timer(LocalTime) override { deliver(); }
  void on_ready() override;
  void send(Kind kind, BytesView bytes);
  void deliver();
  void wait_for_next();
  void deliver(Segment segment);

  SimLoop& loop_;
  SocketAddress local_;
  SocketAddress remote_;
  SimTcpConnection* peer_ = nullptr;  // null once it is closed
  TcpHandler* handler_ = nullptr;
  std::deque<Segment> incoming_;
  std::size_t unread_by_peer_ = 0;  // bytes
  bool reads_ = true;
  bool is_blocked_ = false;
};

}  // namespace echostream::testing
