// A QUIC endpoint on a plain UDP socket and poll(2), on real time: for tests against programs that
// are not ours.
#pragma once

#include <functional>
#include <memory>

#include "tests/support/quic_pair.h"

namespace echostream::testing {

class UdpPeer {
 public:
  /// Binds to 127.0.0.1 with a port that the system chooses. fill_random and wall_time are set
  /// here.
  explicit UdpPeer(QuicEndpoint::Options options);
  ~UdpPeer();
  UdpPeer(const UdpPeer&) = delete;
  UdpPeer& operator=(const UdpPeer&) = delete;

  QuicHost& host() { return host_; }
  LocalTime now() const;
  /// Receives, sends and runs timers until `done` holds; false when `limit` passes before that.
  bool run_until(const std::function<bool()>& done, Duration limit);

 private:
  void send();
  void receive();

  int fd_ = -1;
  QuicHost host_;
};

}  // namespace echostream::testing
