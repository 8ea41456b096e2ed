#include "runtime/gateway/client/http_dial.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "runtime/api/target.h"
#include "runtime/gateway/client/client_traces.h"

namespace echostream::gateway {
namespace {

using internal::Lookup;
using DialResult = Result<std::unique_ptr<ClientConnection>>;

// RFC 8305 section 5: the time until the next address is tried as well.
constexpr Duration kAttemptDelay = std::chrono::milliseconds(250);
// RFC 9114 6.2: three of them are needed, and a server may make further ones that mean nothing.
constexpr std::uint64_t kServerStreams = 100;
constexpr Duration kLeastKeepAlive = std::chrono::milliseconds(10);
constexpr std::uint64_t kLargestWindow = std::uint64_t{1} << 40;

Status check_options(const HttpClientOptions& options) {
  const auto refused = [](const char* why) {
    return Status(StatusCode::kInvalidArgument, std::string("HttpClientOptions: ") + why);
  };
  if (options.handshake_timeout <= Duration::zero() || options.idle_timeout < Duration::zero()) {
    return refused("handshake_timeout must be above zero, and idle_timeout not below it");
  }
  if (options.keep_alive_interval != Duration::zero() &&
      options.keep_alive_interval < kLeastKeepAlive) {
    return refused("keep_alive_interval is below 10 ms; zero sends no keep-alives");
  }
  for (const std::uint64_t window :
       {options.stream_window_bytes, options.connection_window_bytes}) {
    if (window == 0 || window > kLargestWindow) return refused("windows are 1 B to 1 TiB");
  }
  return Status::ok();
}

Result<ClientConnection::Plan> make_plan(Loop& loop, const HttpClientOptions& options) {
  if (Status status = check_options(options); !status.is_ok()) return status;
  ClientConnection::Plan plan;
  plan.traces = std::make_shared<ClientTraces>(loop, options);
  transport::TlsContext::Options tls;
  tls.alpn = {"h3"};
  tls.identity = options.identity;
  tls.trust = options.trust;
  tls.resumption = options.ticket_cache != nullptr;
  tls.key_log = plan.traces->key_log();
  auto context = transport::TlsContext::make_client(std::move(tls));
  if (!context) return std::move(context).error();
  plan.tls = *std::move(context);
  plan.tickets = options.ticket_cache;
  if (options.trust.mode() == Trust::Mode::kKnownPeers) plan.known_peers = options.trust.peers();
  plan.meets_strangers = options.trust.first_use() == FirstUse::kAccept;
  plan.quic.handshake_timeout = options.handshake_timeout;
  plan.quic.idle_timeout = options.idle_timeout;
  plan.quic.keep_alive_interval = options.keep_alive_interval;
  plan.quic.connection_window_bytes = options.connection_window_bytes;
  plan.quic.stream_window_bytes = options.stream_window_bytes;
  plan.quic.max_bidirectional_streams = 0;
  plan.quic.max_unidirectional_streams = kServerStreams;
  plan.quic.max_datagram_frame_bytes = 0;
  plan.http.max_field_section_bytes = options.max_field_section_bytes;
  return plan;
}

// The handshakes that are under way; those that are not taken are closed with it.
class Attempts {
 public:
  Attempts(Loop& loop, ClientConnection::Plan plan) : loop_(loop), plan_(std::move(plan)) {}

  void start(const DialCandidate& candidate) {
    auto connection = ClientConnection::dial(loop_, plan_, candidate);
    if (!connection) return note_failure(connection.error());
    (*connection)->notify_on_change(&changed_);
    under_way_.push_back(*std::move(connection));
  }
  /// The first that is open; null while none is.
  std::unique_ptr<ClientConnection> take_winner() {
    for (auto& connection : under_way_) {
      if (!connection->is_open()) continue;
      connection->notify_on_change(nullptr);
      return std::move(connection);
    }
    return nullptr;
  }
  /// Looks which have failed; how many those are so far.
  std::size_t count_failures() {
    std::erase_if(under_way_, [this](const auto& connection) {
      if (!connection->closed()) return false;
      note_failure(connection->closed()->status);
      return true;
    });
    return failures_;
  }
  bool is_idle() const noexcept { return under_way_.empty(); }
  /// The most telling of the failures; OK without any.
  const Status& error() const noexcept { return error_; }
  /// It is about who the server is, and not that nobody answered.
  bool is_verdict() const noexcept { return error_.code() == StatusCode::kUnauthenticated; }
  WaitPoint& changed() noexcept { return changed_; }

 private:
  void note_failure(const Status& status) {
    ++failures_;
    if (!is_verdict()) error_ = status;
  }

  Loop& loop_;
  const ClientConnection::Plan plan_;
  WaitPoint changed_;
  std::vector<std::unique_ptr<ClientConnection>> under_way_;
  std::size_t failures_ = 0;
  Status error_;
};

// So many attempts have failed, and had failed before: what fails at that very moment has run out
// of time as well.
Status out_of_time(const Attempts& attempts, const Lookup& lookup, std::size_t failed,
                   std::size_t failed_before) {
  if (attempts.is_verdict()) return attempts.error();
  if (attempts.is_idle() && failed_before > 0) return attempts.error();
  if (attempts.is_idle() && failed == 0) return lookup.nothing_found();
  return {StatusCode::kDeadlineExceeded, "no answer to the handshake"};
}

}  // namespace

Task<Result<std::unique_ptr<ClientConnection>>> dial_http(Loop& loop, std::string host_and_port,
                                                          HttpClientOptions options,
                                                          LocalTime deadline) {
  auto plan = make_plan(loop, options);
  if (!plan) co_return std::move(plan).error();
  Attempts attempts(loop, *std::move(plan));
  internal::Target target{internal::make_host_resolver(loop), std::move(host_and_port), true};
  Lookup lookup(std::move(target), options.trust, attempts.changed());
  LocalTime next_dial = loop.now();
  std::size_t failures = 0;
  for (;;) {
    if (auto winner = attempts.take_winner()) co_return DialResult(std::move(winner));
    const LocalTime now = loop.now();
    const std::size_t failed = attempts.count_failures();
    if (now >= deadline) co_return out_of_time(attempts, lookup, failed, failures);
    // One that fails leaves its turn to the next.
    if (std::exchange(failures, failed) != failed) next_dial = now;
    const bool may_dial = !lookup.waiting().empty();
    if (may_dial && now >= next_dial) {
      attempts.start(lookup.waiting().front());
      lookup.waiting().pop_front();
      next_dial = now + kAttemptDelay;
      continue;
    }
    if (attempts.is_idle() && !may_dial) {
      if (lookup.error()) co_return *lookup.error();
      if (lookup.is_over() && !attempts.error().is_ok()) co_return attempts.error();
    }
    const LocalTime until = may_dial ? std::min(deadline, next_dial) : deadline;
    const WaitResult result = co_await attempts.changed().wait(until);
    if (result == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the call was cancelled");
    }
  }
}

}  // namespace echostream::gateway
