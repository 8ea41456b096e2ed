// A capture that Wireshark opens, of datagrams that went over no real wire.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "echostream/base/check.h"
#include "echostream/testing/sim.h"

namespace echostream::testing {

/// Format: draft-ietf-opsawg-pcap, with nanoseconds, and packets that begin with their IPv4 header.
class PcapFile {
 public:
  explicit PcapFile(const std::string& path) : file_(path, std::ios::binary) {
    little(0xa1b23c4d, 4);
    little(2, 2);
    little(4, 2);
    little(0, 8);
    little(65535, 4);
    little(101, 4);  // LINKTYPE_RAW
  }

  void add(const CapturedDatagram& datagram) {
    constexpr std::size_t kHeaders = 20 + 8;
    const std::size_t size = kHeaders + datagram.data.size();
    const auto nanoseconds = static_cast<std::uint64_t>(datagram.at.count());
    little(nanoseconds / 1'000'000'000, 4);
    little(nanoseconds % 1'000'000'000, 4);
    little(size, 4);
    little(size, 4);
    big(0x45, 1);  // IPv4, no options
    big(static_cast<std::uint64_t>(datagram.ecn), 1);
    big(size, 2);
    big(0, 4);
    big(64, 1);
    big(17, 1);  // UDP
    big(0, 2);   // checksums are not looked at
    address(datagram.from);
    address(datagram.to);
    big(datagram.from.port(), 2);
    big(datagram.to.port(), 2);
    big(size - 20, 2);
    big(0, 2);
    file_.write(reinterpret_cast<const char*>(datagram.data.data()),
                static_cast<std::streamsize>(datagram.data.size()));
    ++datagrams_;
  }

  int datagrams() const { return datagrams_; }
  void flush() { file_.flush(); }

 private:
  void little(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) file_.put(static_cast<char>(value >> 8 * i));
  }
  void big(std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) file_.put(static_cast<char>(value >> 8 * i));
  }
  void address(const SocketAddress& of) {
    ECHOSTREAM_CHECK(of.family() == SocketAddress::Family::kIpv4, "written for IPv4");
    for (std::size_t i = 0; i < 4; ++i) file_.put(static_cast<char>(of.address()[i]));
  }

  std::ofstream file_;
  int datagrams_ = 0;
};

}  // namespace echostream::testing
