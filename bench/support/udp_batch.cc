#include "bench/support/udp_batch.h"

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace bench {
namespace {

constexpr int kBufferBytes = 4 * 1024 * 1024;
using Control = std::array<std::uint8_t, CMSG_SPACE(sizeof(int))>;

// Datagrams of that size were joined into the message (UDP_GRO); all of it when none were.
std::size_t segment_of(const msghdr& message, std::size_t bytes) {
  for (auto* item = CMSG_FIRSTHDR(&message); item != nullptr;
       item = CMSG_NXTHDR(const_cast<msghdr*>(&message), item)) {
    if (item->cmsg_level != SOL_UDP || item->cmsg_type != UDP_GRO) continue;
    int segment = 0;
    std::memcpy(&segment, CMSG_DATA(item), sizeof segment);
    if (segment > 0) return static_cast<std::size_t>(segment);
  }
  return bytes;
}

void set_segment(msghdr& message, Control& control, std::size_t segment) {
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(sizeof(std::uint16_t));
  cmsghdr* item = CMSG_FIRSTHDR(&message);
  item->cmsg_level = SOL_UDP;
  item->cmsg_type = UDP_SEGMENT;
  item->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto value = static_cast<std::uint16_t>(segment);
  std::memcpy(CMSG_DATA(item), &value, sizeof value);
}

}  // namespace

bool parse_ipv4(const std::string& text, sockaddr_in& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  const std::string port = text.substr(colon + 1);
  char* end = nullptr;
  const unsigned long number = std::strtoul(port.c_str(), &end, 10);
  out = {};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(number));
  return !port.empty() && *end == '\0' && number <= 65'535 &&
         inet_pton(AF_INET, text.substr(0, colon).c_str(), &out.sin_addr) == 1;
}

std::unique_ptr<UdpBatch> UdpBatch::open(const sockaddr_in& local, std::string& why) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in bound = local;
  socklen_t size = sizeof bound;
  if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    why = std::string("cannot open a UDP socket: ") + std::strerror(errno);
    if (fd >= 0) close(fd);
    return nullptr;
  }
  const int on = 1;
  (void)setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
  for (const int forced : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) {
    // Without the privilege the system gives what its limits allow.
    const int ordinary = forced == SO_RCVBUFFORCE ? SO_RCVBUF : SO_SNDBUF;
    if (setsockopt(fd, SOL_SOCKET, forced, &kBufferBytes, sizeof kBufferBytes) != 0) {
      (void)setsockopt(fd, SOL_SOCKET, ordinary, &kBufferBytes, sizeof kBufferBytes);
    }
  }
  return std::unique_ptr<UdpBatch>(new UdpBatch(fd, bound));
}

UdpBatch::UdpBatch(int fd, const sockaddr_in& local)
    : fd_(fd), local_(local), read_(kMostReads * kReadBytes), write_(kWriteBytes) {}

UdpBatch::~UdpBatch() { close(fd_); }

void UdpBatch::wait(std::int64_t nanoseconds) {
  pollfd entry{fd_, POLLIN, 0};
  const timespec span{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  ppoll(&entry, 1, nanoseconds < 0 ? nullptr : &span, nullptr);
}

std::size_t UdpBatch::receive(const OnRun& on_run) {
  std::array<mmsghdr, kMostReads> messages{};
  std::array<iovec, kMostReads> pieces;
  std::array<sockaddr_in, kMostReads> from;
  std::array<Control, kMostReads> control;
  for (std::size_t i = 0; i < kMostReads; ++i) {
    pieces[i] = {read_.data() + i * kReadBytes, kReadBytes};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = &from[i];
    header.msg_namelen = sizeof from[i];
    header.msg_iov = &pieces[i];
    header.msg_iovlen = 1;
    header.msg_control = control[i].data();
    header.msg_controllen = control[i].size();
  }
  const int count = recvmmsg(fd_, messages.data(), kMostReads, 0, nullptr);
  for (int i = 0; i < count; ++i) {
    const Bytes data(read_.data() + static_cast<std::size_t>(i) * kReadBytes, messages[i].msg_len);
    on_run(data, segment_of(messages[i].msg_hdr, data.size()), from[i]);
  }
  return static_cast<std::size_t>(std::max(count, 0));
}

void UdpBatch::queue(Bytes data, std::size_t segment, const sockaddr_in& to) {
  const std::size_t most = std::min(kMostSegments * segment, kMostRunBytes / segment * segment);
  while (!data.empty()) {
    const Bytes run = data.first(std::min(data.size(), most));
    if (runs_.size() == kMostRuns || write_.size() - written_ < run.size()) flush();
    std::copy(run.begin(), run.end(), write_.begin() + static_cast<std::ptrdiff_t>(written_));
    runs_.push_back({written_, run.size(), segment, to});
    written_ += run.size();
    data = data.subspan(run.size());
  }
}

std::uint8_t* UdpBatch::room() {
  if (runs_.size() == kMostRuns || write_.size() - written_ < kMostDatagramBytes) flush();
  return write_.data() + written_;
}

void UdpBatch::add(std::size_t bytes, const sockaddr_in& to) {
  const auto fits = [&](const Run& run) {
    // A shorter datagram is the last of its run.
    return bytes <= run.segment && run.bytes % run.segment == 0 &&
           run.bytes + bytes <= kMostRunBytes && run.bytes < kMostSegments * run.segment &&
           run.to.sin_port == to.sin_port && run.to.sin_addr.s_addr == to.sin_addr.s_addr;
  };
  if (runs_.empty() || !fits(runs_.back())) {
    runs_.push_back({written_, bytes, bytes, to});
  } else {
    runs_.back().bytes += bytes;
  }
  written_ += bytes;
}

void UdpBatch::flush() {
  std::array<mmsghdr, kMostRuns> messages{};
  std::array<iovec, kMostRuns> pieces;
  std::array<Control, kMostRuns> control;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    pieces[i] = {write_.data() + run.begin, run.bytes};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = &run.to;
    header.msg_namelen = sizeof run.to;
    header.msg_iov = &pieces[i];
    header.msg_iovlen = 1;
    if (run.segment < run.bytes) set_segment(header, control[i], run.segment);
  }
  std::size_t sent = 0;
  while (sent < runs_.size()) {
    const int count =
        sendmmsg(fd_, messages.data() + sent, static_cast<unsigned>(runs_.size() - sent), 0);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      pollfd entry{fd_, POLLOUT, 0};
      poll(&entry, 1, -1);
    } else if (errno != EINTR) {
      ++sent;
    }
  }
  runs_.clear();
  written_ = 0;
}

}  // namespace bench
