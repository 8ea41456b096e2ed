// A call as its handler sees it.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "echostream/clock.h"
#include "echostream/metadata.h"
#include "echostream/method.h"
#include "echostream/session.h"
#include "echostream/typed_state.h"

namespace echostream {

namespace internal {
class ServerCall;
}

/// Lives as long as the handler runs. One thread: the loop's.
class Call {
 public:
  explicit Call(internal::ServerCall& call) noexcept : call_(call) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// The session the call came over: call back through it, `call.peer().client<Operator>()`.
  Session peer() const;
  const MethodInfo& method() const;
  const Metadata& metadata() const;
  /// The request came before the handshake was complete, with a ticket of an earlier session, and
  /// may be an attacker's copy. This node takes the early data of a ticket once; no other does.
  /// Only methods marked `idempotent` are called so; whatever else comes early is held until the
  /// handshake is complete.
  bool is_early_data() const;
  /// How long the request or event took to get here, from when the caller made it.
  /// None when it did not say when, or while the session's clock is not known.
  std::optional<Latency> latency() const;
  /// kNever when the caller set none. Calls made by this handler inherit it.
  LocalTime deadline() const;
  /// True once the caller cancelled, the deadline passed or the session closed. Everything awaited
  /// from EchoStream then ends with CANCELLED.
  bool is_cancelled() const;
  /// The same for code that does not await: stopped when the call is cancelled. Usable on other
  /// threads.
  std::stop_token stop_token();
  /// Values that middleware and the handler share: InterceptedCall::state() is the same.
  TypedState& state();

  /// Metadata for the caller before the first message; only before anything was sent.
  void set_response_metadata(Metadata metadata);
  /// Metadata for the caller at the end, beside the status.
  void add_trailing_metadata(std::string key, std::string value);

 private:
  internal::ServerCall& call_;
};

}  // namespace echostream
