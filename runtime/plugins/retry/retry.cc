#include "echostream/plugins/retry.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"
#include "echostream/middleware.h"

#include "runtime/plugins/retry/retry_rules.h"
#include "runtime/plugins/support/method_pattern.h"

namespace echostream {
namespace {

using retry::Attempt;
using retry::Decision;
using retry::Verdict;

// None: the handshake takes longer than the call may.
Task<std::optional<Status>> wait_connected(Session session, InterceptedCall& call,
                                           LocalTime deadline) {
  const internal::TaskContext context = co_await internal::current_context();
  std::optional<Status> status;
  TaskGroup group(call.executor());
  group.spawn(internal::store(session.wait_connected(), status), context.call);
  (void)co_await group.join(deadline);
  co_return std::move(status);
}

// A policy, and what the calls under it have left of their budget.
struct PolicyState {
  explicit PolicyState(RetryPolicy from)
      : policy(std::move(from)),
        methods(*plugins::MethodPatterns::parse(policy.methods)),
        budget(policy.retry_share, policy.retry_burst) {}

  const RetryPolicy policy;
  const plugins::MethodPatterns methods;
  RetryBudget budget;
};

class RetryLayer final : public Middleware {
 public:
  explicit RetryLayer(RetryOptions options) {
    for (RetryPolicy& policy : options.policies) policies_.emplace_back(std::move(policy));
  }

  void set_loop(Loop& loop) noexcept { loop_ = &loop; }
  const RetryStats& stats() const noexcept { return stats_; }

  std::string_view name() const override { return "retry"; }

  bool wants(const MethodInfo& method, InterceptedCall::Side side) const override {
    return side == InterceptedCall::Side::kCaller && method.kind == MethodKind::kRpc &&
           method.idempotent && find(method) != nullptr;
  }

  Task<Status> call(InterceptedCall& call, Next next) override {
    PolicyState& state = *find(call.method());
    const Metadata metadata = call.metadata();
    const LocalTime deadline = call.deadline();
    Backoff backoff(state.policy.initial_backoff, state.policy.max_backoff,
                    state.policy.multiplier);
    ++stats_.calls;
    state.budget.count_call();
    for (Attempt attempt;; ++attempt.number) {
      if (attempt.number > 1) {
        call.metadata() = metadata;
        call.metadata().add(retry::kAttemptKey, std::to_string(attempt.number));
      }
      attempt.deadline = deadline;
      const LocalTime give_up_at = attempt_deadline(call, state.policy, deadline);
      call.set_deadline(give_up_at);
      Status status = co_await next();
      if (status.is_ok()) {
        if (attempt.number > 1) ++stats_.recovered;
        co_return status;
      }
      describe(call, status, give_up_at, attempt);
      const Decision decision =
          decide(state.policy, attempt, backoff, state.budget, random_number());
      count(decision.verdict);
      if (decision.verdict != Verdict::kAgain) co_return last_word(status, attempt);
      // A session that is lost takes no call any more; a persistent one has the next.
      const std::optional<Session> session = call.session();
      if (session && !session->is_open()) {
        const std::optional<Status> connected = co_await wait_connected(*session, call, deadline);
        if (!connected || !connected->is_ok()) {
          ++(connected ? stats_.stopped_by_peer : stats_.stopped_by_deadline);
          co_return last_word(status, attempt);
        }
      }
      const WaitResult waited = co_await sleep_until(decision.at);
      if (waited == WaitResult::kCancelled) {
        co_return Status(StatusCode::kCancelled, "the call was cancelled between two attempts");
      }
      ++stats_.retries;
    }
  }

 private:
  PolicyState* find(const MethodInfo& method) const {
    for (PolicyState& state : policies_) {
      if (state.methods.matches(method.full_name)) return &state;
    }
    return nullptr;
  }

  static LocalTime attempt_deadline(const InterceptedCall& call, const RetryPolicy& policy,
                                    LocalTime deadline) {
    if (policy.attempt_timeout == Duration::zero()) return deadline;
    return std::min(deadline, deadline_after(call.executor().now(), policy.attempt_timeout));
  }

  static void describe(InterceptedCall& call, const Status& status, LocalTime gave_up_at,
                       Attempt& attempt) {
    attempt.now = call.executor().now();
    attempt.code = status.code();
    attempt.timed_out = status.code() == StatusCode::kDeadlineExceeded &&
                        gave_up_at < attempt.deadline && attempt.now >= gave_up_at;
    attempt.pushback = retry::parse_pushback(call.trailing_metadata());
  }

  static Status last_word(const Status& status, const Attempt& attempt) {
    if (attempt.number == 1) return status;
    return status.with_context("after " + std::to_string(attempt.number) + " attempts");
  }

  void count(Verdict verdict) {
    switch (verdict) {
      case Verdict::kFinal:
      case Verdict::kAgain:
        break;
      case Verdict::kTooManyAttempts:
        ++stats_.stopped_by_attempts;
        break;
      case Verdict::kNoBudget:
        ++stats_.stopped_by_budget;
        break;
      case Verdict::kNoTime:
        ++stats_.stopped_by_deadline;
        break;
      case Verdict::kRefused:
        ++stats_.stopped_by_peer;
        break;
    }
  }

  std::uint64_t random_number() {
    std::uint64_t number = 0;
    loop_->fill_random({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
    return number;
  }

  // Policies stay where they are; budgets change while calls are made.
  mutable std::deque<PolicyState> policies_;
  RetryStats stats_;
  Loop* loop_ = nullptr;
};

class RetryPluginImpl final : public RetryPlugin {
 public:
  explicit RetryPluginImpl(RetryOptions options)
      : layer_(std::make_shared<RetryLayer>(std::move(options))) {}

  std::string_view name() const override { return "retry"; }
  RetryStats stats() const override { return layer_->stats(); }

  bool checks_sessions() const override { return false; }
  Task<Status> on_start(Node& node) override {
    layer_->set_loop(node.loop());
    node.add_middleware(layer_);
    co_return Status::ok();
  }

 private:
  std::shared_ptr<RetryLayer> layer_;
};

}  // namespace

Result<std::shared_ptr<RetryPlugin>> make_retry_plugin(RetryOptions options) {
  if (Status status = retry::check(options); !status.is_ok()) return status;
  return std::shared_ptr<RetryPlugin>(std::make_shared<RetryPluginImpl>(std::move(options)));
}

}  // namespace echostream
