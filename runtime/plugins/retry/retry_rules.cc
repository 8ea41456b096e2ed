#include "runtime/plugins/retry/retry_rules.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "echostream/options.pb.h"

#include "runtime/plugins/support/method_pattern.h"

namespace echostream::retry {
namespace {

Status invalid(std::string what) { return {StatusCode::kInvalidArgument, std::move(what)}; }

// As the generator reads it (compiler/model/read_method.cc).
bool is_idempotent_rpc(const google::protobuf::MethodDescriptor& method) {
  const auto& options = method.options().GetExtension(echostream::method);
  if (options.has_event() || options.has_stream()) return false;
  if (method.client_streaming() || method.server_streaming()) return false;
  return options.rpc().idempotent() || method.options().idempotency_level() !=
                                           google::protobuf::MethodOptions::IDEMPOTENCY_UNKNOWN;
}

// A pattern that names one method must mean one that may be retried. Which methods there are is
// known where their .proto is part of the program and was not made for the lite runtime.
Status check_method(const std::string& pattern) {
  auto parsed = plugins::MethodPattern::parse(pattern);
  if (!parsed) return parsed.error();
  std::string name = pattern;
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  const google::protobuf::MethodDescriptor* found = pool->FindMethodByName(name);
  if (found == nullptr) return Status::ok();
  if (is_idempotent_rpc(*found)) return Status::ok();
  return invalid("'" + pattern + "' must not be called twice: only rpcs that their .proto marks " +
                 "`rpc { idempotent: true }` or with an idempotency_level are retried");
}

Status check_code(StatusCode code) {
  if (code != StatusCode::kOk && code != StatusCode::kCancelled) return Status::ok();
  return invalid("codes: " + std::string(to_string(code)) + " does not ask for a retry");
}

Status check(const RetryPolicy& policy) {
  if (policy.methods.empty()) return invalid("methods: name some, or '*'");
  for (const std::string& pattern : policy.methods) {
    Status status = check_method(pattern);
    if (!status.is_ok()) return status.with_context("methods");
  }
  for (const StatusCode code : policy.codes) {
    if (Status status = check_code(code); !status.is_ok()) return status;
  }
  if (policy.max_attempts < 2 || policy.max_attempts > 10) {
    return invalid("max_attempts: 2 to 10, not " + std::to_string(policy.max_attempts));
  }
  if (policy.initial_backoff <= Duration::zero() || policy.initial_backoff > policy.max_backoff) {
    return invalid("initial_backoff: positive, and at most max_backoff");
  }
  if (!(policy.multiplier >= 1 && policy.multiplier <= 100)) return invalid("multiplier: 1 to 100");
  if (policy.attempt_timeout < Duration::zero()) {
    return invalid("attempt_timeout: positive, or zero for none");
  }
  if (!(policy.retry_share >= 0 && policy.retry_share <= 1)) return invalid("retry_share: 0 to 1");
  return Status::ok();
}

bool passes(const RetryPolicy& policy, const Attempt& attempt) {
  if (attempt.timed_out) return true;
  if (std::find(policy.codes.begin(), policy.codes.end(), attempt.code) == policy.codes.end()) {
    return false;
  }
  return attempt.code != StatusCode::kResourceExhausted || attempt.pushback.after.has_value() ||
         !attempt.pushback.may_retry;
}

}  // namespace

Status check(const RetryOptions& options) {
  for (std::size_t i = 0; i < options.policies.size(); ++i) {
    Status status = check(options.policies[i]);
    if (!status.is_ok()) return status.with_context("policies[" + std::to_string(i) + "]");
  }
  return Status::ok();
}

Pushback parse_pushback(const Metadata& trailing) {
  const auto text = trailing.find(kRetryAfterKey);
  if (!text) return {};
  std::uint32_t milliseconds = 0;
  const char* end = text->data() + text->size();
  const auto [read_to, error] = std::from_chars(text->data(), end, milliseconds);
  if (error != std::errc() || read_to != end) return {false, std::nullopt};
  const Duration after = std::chrono::milliseconds(milliseconds);
  if (after > kMostRetryAfter) return {false, std::nullopt};
  return {true, after};
}

Decision decide(const RetryPolicy& policy, const Attempt& attempt, Backoff& backoff,
                RetryBudget& budget, std::uint64_t random) {
  if (!passes(policy, attempt)) return {Verdict::kFinal, {}};
  if (!attempt.pushback.may_retry) return {Verdict::kRefused, {}};
  if (attempt.number >= policy.max_attempts) return {Verdict::kTooManyAttempts, {}};
  // On top of what the server asks for: others were told the same.
  const Duration pause = attempt.pushback.after.value_or(Duration::zero()) + backoff.next(random);
  const LocalTime at = deadline_after(attempt.now, pause);
  if (at >= attempt.deadline) return {Verdict::kNoTime, {}};
  // Last, so that only what is made again is paid for.
  if (!budget.take()) return {Verdict::kNoBudget, {}};
  return {Verdict::kAgain, at};
}

}  // namespace echostream::retry
