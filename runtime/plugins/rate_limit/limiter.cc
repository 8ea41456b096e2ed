#include "runtime/plugins/rate_limit/limiter.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "echostream/base/wait.h"
#include "echostream/plugins/authenticated_peer.h"

#include "runtime/plugins/rate_limit/peer_key.h"

namespace echostream::rate_limit {
namespace {

using What = RateRule::What;
using Per = RateRule::Per;

RateRule::Side side_of(InterceptedCall::Side side) {
  return side == InterceptedCall::Side::kServer ? RateRule::Side::kServer : RateRule::Side::kCaller;
}

// A number for each session, that no other gets after it.
class SessionNumber {
 public:
  SessionNumber() : value(++last_) {}
  const std::uint64_t value;

 private:
  static inline std::atomic<std::uint64_t> last_{0};
};

std::string key_of_session(const Session& session) {
  return "s" + std::to_string(session.state().get_or_emplace<SessionNumber>().value);
}

std::string who(InterceptedCall& call, Per per) {
  if (per == Per::kNode) return {};
  if (per == Per::kPrincipal) {
    if (const auto* peer = call.state().get<AuthenticatedPeer>()) {
      const bool by_token = peer->proof() != AuthenticatedPeer::Proof::kCertificate;
      return (by_token ? "t" : "c") + peer->subject();
    }
  }
  const auto session = call.session();
  if (!session) return {};
  if (per == Per::kSession) return key_of_session(*session);
  return "a" + key_of_address(session->remote_address());
}

Status refusal(const RateRule& rule, Duration wait) {
  const char* what = rule.what == What::kCalls ? "calls" : "messages";
  if (rule.what == What::kBytes) what = "bytes";
  return {StatusCode::kResourceExhausted,
          std::string("too many ") + what + "; try again in " +
              std::to_string(std::chrono::ceil<std::chrono::milliseconds>(wait).count()) + " ms"};
}

// Counts, logs and tells the caller.
Status refuse(RateLimits& limits, InterceptedCall& call, const Limit& limit, Duration wait) {
  ++limits.stats.refused;
  Status status = refusal(limit.rule, wait);
  const auto retry_after = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  if (call.side() == InterceptedCall::Side::kServer) {
    call.trailing_metadata().add("retry-after-ms", std::to_string(retry_after));
    std::string line = "rate_limit: refused " + std::string(call.method().full_name);
    if (const auto session = call.session()) {
      line += " from " + session->remote_address().to_string();
    }
    limits.log->warn(call.executor().now(), line + ": " + std::string(status.message()));
  }
  return status;
}

// What one call has taken, until it is sure that it passes: otherwise all of it is given back.
class Taken {
 public:
  explicit Taken(RateLimits& limits, Executor& executor) : limits_(limits), executor_(executor) {}
  ~Taken() {
    stop_waiting();
    for (const auto& [limit, key] : taken_) {
      limit->buckets.find(key, executor_.now()).bucket.give_back(limit->rate);
    }
  }
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;

  /// Zero: taken; then wait() says how long until it may be used. Otherwise nothing was, for now.
  Duration take(Limit& limit, std::string key) {
    const LocalTime now = executor_.now();
    const auto found = limit.buckets.find(key, now);
    if (found.is_shared) ++limits_.stats.crowded;
    Duration wait = found.bucket.take(now, limit.rate);
    if (wait > Duration::zero()) {
      const bool may_wait = wait <= limit.rule.max_wait && limit.waiting < limit.rule.max_waiting;
      if (!may_wait) return wait;
      found.bucket.reserve(now, limit.rate);
      ++limit.waiting;
      ++limits_.stats.waiting;
      waiting_.push_back(&limit);
      wait_ = std::max(wait_, wait);
    }
    // The shared bucket has no key; giving back to it is not worth one.
    if (!found.is_shared) taken_.emplace_back(&limit, std::move(key));
    return Duration::zero();
  }
  Duration wait() const { return wait_; }
  void stop_waiting() {
    for (Limit* limit : waiting_) --limit->waiting;
    limits_.stats.waiting -= waiting_.size();
    waiting_.clear();
  }
  void keep() { taken_.clear(); }

 private:
  RateLimits& limits_;
  Executor& executor_;
  std::vector<std::pair<Limit*, std::string>> taken_;
  std::vector<Limit*> waiting_;
  Duration wait_{};
};

// Counts the messages that the caller of a call sends, or their bytes.
class MessageLimit final : public MessageFilter {
 public:
  MessageLimit(std::shared_ptr<RateLimits> limits, Limit& limit, InterceptedCall& call)
      : limits_(std::move(limits)), limit_(limit), call_(call), key_(limit.key_of(call)) {}

  Status on_message(CallMessage& message) override {
    const auto counted = call_.side() == InterceptedCall::Side::kServer
                             ? CallMessage::Direction::kReceived
                             : CallMessage::Direction::kSent;
    if (message.direction != counted) return {};
    const LocalTime now = call_.executor().now();
    const std::uint64_t tokens = limit_.rule.what == What::kBytes ? message.bytes.size() : 1;
    const auto found = limit_.buckets.find(key_, now);
    if (found.is_shared) ++limits_->stats.crowded;
    const Duration wait = found.bucket.take(now, limit_.rate, tokens);
    if (wait == Duration::zero()) return {};
    return refuse(*limits_, call_, limit_, wait);
  }

 private:
  std::shared_ptr<RateLimits> limits_;
  Limit& limit_;
  InterceptedCall& call_;
  std::string key_;
};

}  // namespace

Limit::Limit(RateRule checked, plugins::MethodPatterns patterns, std::size_t max_entries)
    : rule(std::move(checked)),
      methods(std::move(patterns)),
      rate(rule.per_second, rule.burst),
      buckets(max_entries) {}

std::string Limit::key_of(InterceptedCall& call) const {
  std::string key = who(call, rule.per);
  if (rule.each_method) {
    // Short, so that a key of an IPv4 address needs no allocation.
    const MethodInfo* method = &call.method();
    key.append(reinterpret_cast<const char*>(&method), sizeof method);
  }
  return key;
}

bool Limiter::wants(const MethodInfo& method, InterceptedCall::Side side) const {
  return std::any_of(limits_->all.begin(), limits_->all.end(), [&](const auto& limit) {
    return limit->rule.side == side_of(side) && limit->methods.matches(method.full_name);
  });
}

const Limiter::LimitsOfMethod& Limiter::limits_of(const MethodInfo& method,
                                                  InterceptedCall::Side side) {
  auto& found = found_[side == InterceptedCall::Side::kServer ? 0 : 1];
  const auto [place, is_new] = found.try_emplace(&method);
  if (is_new) {
    for (const auto& limit : limits_->all) {
      const bool is_meant =
          limit->rule.side == side_of(side) && limit->methods.matches(method.full_name);
      if (is_meant) place->second.push_back(limit.get());
    }
  }
  return place->second;
}

Task<Status> Limiter::admit(InterceptedCall& call) {
  Taken taken(*limits_, call.executor());
  for (Limit* limit : limits_of(call.method(), call.side())) {
    if (limit->rule.what != What::kCalls) continue;
    const Duration missing = taken.take(*limit, limit->key_of(call));
    if (missing > Duration::zero()) co_return refuse(*limits_, call, *limit, missing);
    const bool is_too_late =
        taken.wait() > Duration::zero() && call.deadline() < call.executor().now() + taken.wait();
    if (is_too_late) co_return refuse(*limits_, call, *limit, taken.wait());
  }
  if (taken.wait() > Duration::zero()) {
    ++limits_->stats.waited;
    const WaitResult slept = co_await sleep_until(call.executor().now() + taken.wait());
    if (slept == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "cancelled while it waited for its turn");
    }
  }
  taken.keep();
  co_return Status();
}

Task<Status> Limiter::pass(InterceptedCall& call, Next next) {
  Status admitted = co_await admit(call);
  if (!admitted.is_ok()) co_return admitted;
  ++limits_->stats.passed;
  for (Limit* limit : limits_of(call.method(), call.side())) {
    if (limit->rule.what == What::kCalls) continue;
    call.add_filter(std::make_unique<MessageLimit>(limits_, *limit, call));
  }
  Status status = co_await next();
  co_return status;
}

Task<Status> Limiter::call(InterceptedCall& call, Next next) { return pass(call, next); }
Task<Status> Limiter::serve(InterceptedCall& call, Next next) { return pass(call, next); }

}  // namespace echostream::rate_limit
