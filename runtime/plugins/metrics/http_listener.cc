#include "runtime/plugins/metrics/http_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <list>
#include <system_error>
#include <utility>
#include <vector>

namespace echostream::internal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostReadsAtEnd = 64;

/// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

socklen_t to_system(const SocketAddress& address, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  if (address.family() == SocketAddress::Family::kIpv4) {
    auto& in = reinterpret_cast<sockaddr_in&>(out);
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port());
    std::memcpy(&in.sin_addr, address.address().data(), 4);
    return sizeof in;
  }
  auto& in = reinterpret_cast<sockaddr_in6&>(out);
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(address.port());
  in.sin6_scope_id = address.scope_id();
  std::memcpy(&in.sin6_addr, address.address().data(), 16);
  return sizeof in;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  return ntohs(bound.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(bound).sin_port
                                          : reinterpret_cast<sockaddr_in6&>(bound).sin6_port);
}

Status refused(const std::string& address, const char* hint) {
  return Status(StatusCode::kUnavailable,
                "cannot show metrics on " + address + ": " + std::strerror(errno) + hint);
}

std::string header_of(const HttpAnswer& answer, std::size_t length) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.code) + ' ' + answer.reason + "\r\n";
  text += answer.is_page ? "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                         : "Content-Type: text/plain; charset=utf-8\r\n";
  if (answer.code == 405) text += "Allow: GET, HEAD\r\n";
  text += "Content-Length: " + std::to_string(length) + "\r\nConnection: close\r\n\r\n";
  return text;
}

}  // namespace

HttpAnswer answer_to(std::string_view header) {
  const std::string_view line = header.substr(0, header.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first ||
      !line.substr(last + 1).starts_with("HTTP/1.")) {
    return {400, "Bad Request"};
  }
  const std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  target = target.substr(0, target.find('?'));
  if (method != "GET" && method != "HEAD") return {405, "Method Not Allowed"};
  const bool with_body = method == "GET";
  if (target != "/metrics") return {404, "Not Found", with_body};
  return {200, "OK", with_body, true};
}

// One thread looks after all connections with poll(); nothing here waits for a single client.
class HttpListener::Server {
 public:
  Server(Fd listener, Fd stop, const MetricsListenOptions& options, MakePage make_page)
      : listener_(std::move(listener)),
        stop_(std::move(stop)),
        options_(options),
        make_page_(std::move(make_page)) {}

  void run() {
    std::vector<pollfd> polled;
    while (true) {
      polled.clear();
      polled.push_back({stop_.get(), POLLIN, 0});
      const bool accepts = Clock::now() >= accept_again_;
      polled.push_back({listener_.get(), static_cast<short>(accepts ? POLLIN : 0), 0});
      for (const Connection& connection : connections_) {
        polled.push_back(
            {connection.fd.get(), static_cast<short>(connection.answering ? POLLOUT : POLLIN), 0});
      }
      if (::poll(polled.data(), polled.size(), wait_ms(accepts)) < 0 && errno != EINTR) return;
      if (polled[0].revents != 0) return;
      std::size_t i = 2;
      for (auto it = connections_.begin(); it != connections_.end(); ++i) {
        const bool keep = polled[i].revents == 0 || go_on(*it);
        it = keep && Clock::now() < it->deadline ? std::next(it) : connections_.erase(it);
      }
      if (polled[1].revents != 0) accept_all();
    }
  }
  void stop() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
  }

 private:
  struct Connection {
    Fd fd;
    Clock::time_point deadline;
    bool answering = false;
    std::string bytes;  // the request, then what is left of the answer
    std::size_t sent = 0;
  };

  int wait_ms(bool accepts) const {
    auto until = accepts ? Clock::time_point::max() : accept_again_;
    for (const Connection& connection : connections_) until = std::min(until, connection.deadline);
    if (until == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    return static_cast<int>(std::clamp<decltype(left)>(left, 0, 60'000));
  }

  void accept_all() {
    while (true) {
      Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        // Out of file descriptors: the connection stays in the queue, and would wake us again at
        // once.
        if (errno != EAGAIN) accept_again_ = Clock::now() + std::chrono::milliseconds(100);
        return;
      }
      if (connections_.size() >= options_.max_connections) connections_.pop_front();
      connections_.push_back(
          {std::move(fd), Clock::now() + options_.request_timeout, false, {}, 0});
    }
  }

  // False: the connection is done with.
  bool go_on(Connection& connection) {
    return connection.answering ? send(connection) : receive(connection);
  }
  bool receive(Connection& connection) {
    char buffer[4096];
    while (true) {
      const ssize_t got = ::recv(connection.fd.get(), buffer, sizeof buffer, 0);
      if (got == 0) return false;
      if (got < 0) return errno == EAGAIN || errno == EINTR;
      connection.bytes.append(buffer, static_cast<std::size_t>(got));
      if (connection.bytes.find("\r\n\r\n") != std::string::npos) {
        return answer(connection, answer_to(connection.bytes));
      }
      if (connection.bytes.size() > options_.max_header_bytes) {
        return answer(connection, {431, "Request Header Fields Too Large"});
      }
    }
  }
  bool answer(Connection& connection, HttpAnswer chosen) {
    std::string body = chosen.reason;
    body += '\n';
    if (chosen.is_page) {
      try {
        body = make_page_();
      } catch (const std::exception&) {
        // Somebody's Collectable, or no memory.
        chosen = {500, "Internal Server Error", chosen.with_body};
      }
    }
    connection.bytes = header_of(chosen, body.size());
    if (chosen.with_body) connection.bytes += body;
    connection.answering = true;
    return send(connection);
  }
  static bool send(Connection& connection) {
    while (connection.sent < connection.bytes.size()) {
      const ssize_t sent = ::send(connection.fd.get(), connection.bytes.data() + connection.sent,
                                  connection.bytes.size() - connection.sent, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      connection.sent += static_cast<std::size_t>(sent);
    }
    // What of the request was not read would make the system reset the connection, and the client
    // lose the answer. One that writes without end must not keep the thread here.
    ::shutdown(connection.fd.get(), SHUT_WR);
    char rest[4096];
    for (int i = 0; i < kMostReadsAtEnd; ++i) {
      if (::recv(connection.fd.get(), rest, sizeof rest, 0) <= 0) break;
    }
    return false;
  }

  Fd listener_;
  Fd stop_;
  const MetricsListenOptions options_;
  const MakePage make_page_;
  std::list<Connection> connections_;
  Clock::time_point accept_again_{};
};

Result<std::unique_ptr<HttpListener>> HttpListener::open(const MetricsListenOptions& options,
                                                         MakePage make_page) {
  auto address = SocketAddress::parse(options.address);
  if (!address) return address.error().with_context("the address to show metrics on");
  sockaddr_storage system_address{};
  const socklen_t size = to_system(*address, system_address);
  Fd listener(
      ::socket(system_address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (listener.get() < 0) return refused(options.address, "");
  const int on = 1;
  // So that a program that is started again gets its port back at once.
  (void)::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&system_address), size) != 0 ||
      ::listen(listener.get(), 64) != 0) {
    const char* hint = errno == EADDRINUSE
                           ? ". Another program, or another registry of this one, is there: choose "
                             "another port, 0 for any"
                           : "";
    return refused(options.address, hint);
  }
  Fd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (stop.get() < 0) return refused(options.address, "");
  const SocketAddress bound = address->with_port(bound_port(listener.get()));
  auto server =
      std::make_unique<Server>(std::move(listener), std::move(stop), options, std::move(make_page));
  try {
    return std::unique_ptr<HttpListener>(new HttpListener(std::move(server), bound));
  } catch (const std::system_error& error) {
    return Status(StatusCode::kUnavailable,
                  std::string("no thread for the metrics page: ") + error.what());
  }
}

HttpListener::HttpListener(std::unique_ptr<Server> server, const SocketAddress& address)
    : address_(address), server_(std::move(server)), thread_([this] { server_->run(); }) {}

HttpListener::~HttpListener() {
  server_->stop();
  thread_.join();
}

}  // namespace echostream::internal
