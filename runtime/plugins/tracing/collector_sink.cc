// OTLP/HTTP with JSON bodies (opentelemetry.io/docs/specs/otlp): one POST for each batch, on a
// connection of its own.
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "runtime/plugins/tracing/span_sink.h"

namespace echostream::internal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostAnswer = 64 * 1024;

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// One exchange: a socket and until when everything must be over.
class Exchange {
 public:
  Exchange(Clock::time_point deadline, const std::atomic<bool>& stopping) noexcept
      : deadline_(deadline), stopping_(stopping) {}
  ~Exchange() { reset(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  bool connect(const addrinfo& to) {
    reset();
    fd_ = ::socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol);
    if (fd_ < 0) return false;
    if (::connect(fd_, to.ai_addr, to.ai_addrlen) == 0) return true;
    if (errno != EINPROGRESS || !wait(POLLOUT)) return false;
    int error = 0;
    socklen_t size = sizeof error;
    return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (!wait_again(POLLOUT)) {
        return false;
      }
    }
    return true;
  }
  /// Up to the end of the status line and the header; the rest says nothing that we need.
  std::string receive_header() {
    std::string text;
    char buffer[4096];
    while (text.size() < kMostAnswer && text.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got == 0) break;
      if (got > 0) {
        text.append(buffer, static_cast<std::size_t>(got));
      } else if (!wait_again(POLLIN)) {
        break;
      }
    }
    return text;
  }

 private:
  void reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  bool wait_again(short events) {
    if (errno == EINTR) return true;
    return errno == EAGAIN && wait(events);
  }
  // In short waits, so that the end of the program is noticed.
  bool wait(short events) {
    while (true) {
      const auto now = Clock::now();
      if (stopping_.load(std::memory_order_relaxed)) {
        deadline_ = std::min(deadline_, now + (told_to_stop_ ? Clock::duration::max() / 4
                                                             : std::chrono::seconds(1)));
        told_to_stop_ = true;
      }
      if (now >= deadline_) return false;
      pollfd polled{fd_, events, 0};
      if (::poll(&polled, 1, 20) > 0) return true;
    }
  }

  int fd_ = -1;
  Clock::time_point deadline_;
  const std::atomic<bool>& stopping_;
  bool told_to_stop_ = false;
};

class CollectorSink final : public SpanSink {
 public:
  CollectorSink(CollectorUrl url, Duration timeout) : url_(std::move(url)), timeout_(timeout) {}

  Outcome send(const std::string& request, const std::atomic<bool>& stopping) override {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(url_.host.c_str(), url_.port.c_str(), &hints, &found) != 0) {
      return Outcome::kTryAgain;
    }
    const Addresses addresses(found);
    Exchange exchange(Clock::now() + timeout_, stopping);
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
      if (exchange.connect(*one)) return exchange_with(exchange, request);
    }
    return Outcome::kTryAgain;
  }

 private:
  Outcome exchange_with(Exchange& exchange, const std::string& body) const {
    const std::string header = "POST " + url_.path + " HTTP/1.1\r\nHost: " + url_.authority +
                               "\r\nContent-Type: application/json\r\nUser-Agent: echostream\r\n"
                               "Content-Length: " +
                               std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n";
    // A collector may refuse before it has read everything: its answer counts all the same.
    if (exchange.send(header)) (void)exchange.send(body);
    return outcome_of(exchange.receive_header());
  }
  static Outcome outcome_of(std::string_view answer) {
    const std::size_t space = answer.find(' ');
    if (!answer.starts_with("HTTP/1.") || space == std::string_view::npos) {
      return Outcome::kTryAgain;
    }
    int code = 0;
    std::from_chars(answer.data() + space + 1, answer.data() + answer.size(), code);
    if (code >= 200 && code < 300) return Outcome::kDone;
    // Those that the specification calls retryable.
    const bool again = code == 429 || code == 502 || code == 503 || code == 504 || code == 0;
    return again ? Outcome::kTryAgain : Outcome::kGiveUp;
  }

  const CollectorUrl url_;
  const Duration timeout_;
};

Status bad_url(const std::string& url, const char* why) {
  return Status(StatusCode::kInvalidArgument, "the collector '" + url + "' " + why +
                                                  "; write it as http://127.0.0.1:4318/v1/traces");
}

}  // namespace

Result<CollectorUrl> parse_collector_url(const std::string& url) {
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    return bad_url(url,
                   "asks for TLS, which this exporter does not speak: let a collector on this "
                   "machine forward the spans");
  }
  if (!rest.starts_with("http://")) return bad_url(url, "is no http:// address");
  rest.remove_prefix(7);
  for (const char c : rest) {
    if (c <= ' ' || c > '~') return bad_url(url, "has a character that no address has");
  }
  CollectorUrl parsed;
  const std::size_t slash = rest.find('/');
  parsed.path = slash == std::string_view::npos ? "/v1/traces" : std::string(rest.substr(slash));
  rest = rest.substr(0, slash);
  if (rest.find('@') != std::string_view::npos) return bad_url(url, "has a user name in it");
  parsed.authority = rest;
  const bool is_v6 = rest.starts_with('[');
  const std::size_t end_of_host = is_v6 ? rest.find(']') : rest.find(':');
  if (is_v6 && end_of_host == std::string_view::npos) return bad_url(url, "has no ']'");
  parsed.host = is_v6 ? rest.substr(1, end_of_host - 1) : rest.substr(0, end_of_host);
  rest = end_of_host == std::string_view::npos ? std::string_view{}
                                               : rest.substr(end_of_host + (is_v6 ? 1 : 0));
  if (parsed.host.empty()) return bad_url(url, "names no host");
  parsed.port = "4318";
  if (rest.empty()) return parsed;
  int port = 0;
  const auto end = std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
  if (rest[0] != ':' || end.ec != std::errc() || end.ptr != rest.data() + rest.size() || port < 1 ||
      port > 65'535) {
    return bad_url(url, "has a port that is none");
  }
  parsed.port = std::to_string(port);
  return parsed;
}

Result<std::unique_ptr<SpanSink>> make_collector_sink(const std::string& url, Duration timeout) {
  auto parsed = parse_collector_url(url);
  if (!parsed) return parsed.error();
  return std::unique_ptr<SpanSink>(std::make_unique<CollectorSink>(*std::move(parsed), timeout));
}

}  // namespace echostream::internal
