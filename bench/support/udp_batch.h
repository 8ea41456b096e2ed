// A UDP socket that moves many datagrams with one system call each way: recvmmsg with GRO, sendmmsg
// with GSO. For the peers that have no event loop of their own. Linux.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace bench {

/// "127.0.0.1:4433" as the system has it; false when it is not understood. IPv4 only.
bool parse_ipv4(const std::string& text, sockaddr_in& out);

class UdpBatch {
 public:
  using Bytes = std::span<const std::uint8_t>;
  /// Every `segment` bytes of `data` are one datagram from `from`; the last may be shorter.
  using OnRun = std::function<void(Bytes data, std::size_t segment, const sockaddr_in& from)>;

  /// Bound to `local`; nothing, and why, when the system refuses.
  static std::unique_ptr<UdpBatch> open(const sockaddr_in& local, std::string& why);
  ~UdpBatch();
  UdpBatch(const UdpBatch&) = delete;
  UdpBatch& operator=(const UdpBatch&) = delete;

  const sockaddr_in& local() const { return local_; }
  /// Waits until something is readable, at most so long; negative: for ever.
  void wait(std::int64_t nanoseconds);
  /// Gives what is readable to `on_run`; how many runs there were. With kMostReads of them there
  /// may be more.
  std::size_t receive(const OnRun& on_run);
  static constexpr std::size_t kMostReads = 8;

  /// Every `segment` bytes of `data` as one datagram. Sent with the next flush(); `data` is copied.
  void queue(Bytes data, std::size_t segment, const sockaddr_in& to);
  /// The same without a copy, one datagram at a time: write at most kMostDatagramBytes of it here,
  /// then say how many they were. Joins datagrams to a run where the system can send them as one.
  std::uint8_t* room();
  void add(std::size_t bytes, const sockaddr_in& to);
  static constexpr std::size_t kMostDatagramBytes = 1500;
  /// Sends what was queued, and waits while the system has no room. A datagram that the system
  /// refuses is lost, as on any network.
  void flush();

 private:
  UdpBatch(int fd, const sockaddr_in& local);

  struct Run {
    std::size_t begin = 0;
    std::size_t bytes = 0;
    std::size_t segment = 0;
    sockaddr_in to{};
  };
  /// What the system takes in one call.
  static constexpr std::size_t kMostSegments = 64;
  static constexpr std::size_t kMostRunBytes = 65'000;
  static constexpr std::size_t kWriteBytes = 1024 * 1024;
  static constexpr std::size_t kReadBytes = 65'536;
  static constexpr std::size_t kMostRuns = 64;

  int fd_;
  sockaddr_in local_;
  std::vector<std::uint8_t> read_;
  std::vector<std::uint8_t> write_;
  std::size_t written_ = 0;
  std::vector<Run> runs_;
};

}  // namespace bench
