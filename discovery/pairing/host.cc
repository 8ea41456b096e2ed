// PairingHost: the side that shows the code.
#include <deque>
#include <exception>
#include <optional>
#include <utility>

#include "echostream/base/printable.h"
#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"

#include "discovery/pairing/code.h"
#include "discovery/pairing/exchange.h"
#include "discovery/pairing/pairing_node.h"

namespace echostream::pairing {
namespace {

constexpr int kMostWrongCodes = 10;
// How long the last message may take to reach a guest before the host may be destroyed.
constexpr Duration kFarewell = std::chrono::seconds(3);

class Host final : public PairingHost {
 public:
  Host(Loop& loop, Options options)
      : loop_(loop), options_(std::move(options)), tasks_(loop), node_(loop, make_options()) {}
  ~Host() override { is_ending_ = true; }

  Status start();
  Node& node() override { return node_; }
  SocketAddress address() const override { return address_; }
  Task<Result<KnownPeer>> wait_paired() override;

  /// What a guest has called.
  Task<Status> serve(Session guest, Reader<Step>& in, Writer<Step>& out);

 private:
  struct Open {
    Session session;
    LocalTime ends;
  };
  class Run;

  NodeOptions make_options();
  void forget(const Session& session);
  Task<void> end_sessions();
  Task<void> close_late();
  void show_new_code();
  Status take_confirmation(Exchange& exchange, const std::string& confirmation,
                           const Session& guest);
  Task<Status> agree(Exchange& exchange, Run& run, Reader<Step>& in, Writer<Step>& out);
  Status list(const Exchange& exchange);
  void end(Result<KnownPeer> outcome);

  Loop& loop_;
  Options options_;
  SocketAddress address_;
  std::optional<Code> code_;  // none once it is spent
  int wrong_codes_ = 0;
  bool is_busy_ = false;
  bool is_ending_ = false;
  std::deque<Open> open_;  // the oldest first
  std::optional<Result<KnownPeer>> outcome_;
  std::optional<Session> last_;  // that of the run that brought the outcome
  LocalTime farewell_ends_ = kNever;
  WaitPoint changed_;
  TaskGroup tasks_;
  Node node_;  // its handlers use what is above
};

/// One guest at a time; destroyed with the handler, wherever that waits.
class Host::Run {
 public:
  Run(Host& host, const Session& session) : host_(host), session_(session) {
    host_.is_busy_ = true;
  }
  ~Run() {
    host_.is_busy_ = false;
    if (is_code_used_ && !host_.outcome_ && !host_.is_ending_) host_.show_new_code();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  /// The code was right; if nothing comes of it the next run needs another one.
  void use_code() {
    host_.code_.reset();
    is_code_used_ = true;
  }
  const Session& session() const noexcept { return session_; }

 private:
  Host& host_;
  const Session session_;
  bool is_code_used_ = false;
};

class PairingService final : public v1::Pairing::Handler {
 public:
  explicit PairingService(Host& host) : host_(host) {}
  Task<Status> Pair(Call& call, Reader<Step> in, Writer<Step> out) override {
    auto status = co_await host_.serve(call.peer(), in, out);
    co_return status;
  }

 private:
  Host& host_;
};

NodeOptions Host::make_options() {
  NodeOptions node = node_options(options_.pairing);
  node.on_session = [this](const Session& session) {
    open_.push_back({session, loop_.now() + options_.pairing.patience});
    changed_.notify_all();
  };
  node.on_session_closed = [this](const Session& session, const Status&) { forget(session); };
  return node;
}

Status Host::start() {
  Status status = node_.serve(std::make_shared<PairingService>(*this));
  if (!status.is_ok()) return status;
  Result<SocketAddress> bound = node_.listen(options_.listen_on);
  if (!bound) return bound.status();
  address_ = *bound;
  tasks_.spawn(end_sessions());
  tasks_.spawn(close_late());
  show_new_code();
  return Status::ok();
}

void Host::forget(const Session& session) {
  std::erase_if(open_, [&](const Open& open) { return open.session == session; });
  changed_.notify_all();
}

// Nobody keeps the host, or a place among its sessions, longer than a run may take.
Task<void> Host::end_sessions() {
  for (;;) {
    const LocalTime next = open_.empty() ? kNever : open_.front().ends;
    if (next <= loop_.now()) {
      Session late = open_.front().session;
      open_.pop_front();
      late.close("pairing took too long");
      continue;
    }
    const WaitResult woken = co_await changed_.wait(next);
    if (woken == WaitResult::kCancelled) co_return;
  }
}

Task<void> Host::close_late() {
  const WaitResult woken = co_await sleep_until(loop_.now() + options_.open_for);
  if (woken == WaitResult::kDeadline && !outcome_) {
    end(Status(StatusCode::kDeadlineExceeded, "no device was paired in time"));
  }
}

void Host::show_new_code() {
  code_ = Code::make([this](MutableBytes out) { loop_.fill_random(out); });
  std::string text = code_->for_people();
  try {
    options_.show_code(text);
  } catch (const std::exception& thrown) {
    node_.log(LogLevel::kError, std::string("show_code threw: ") + thrown.what());
  } catch (...) {
    node_.log(LogLevel::kError, "show_code threw");
  }
  wipe(text);
}

Task<Status> Host::serve(Session guest, Reader<Step>& in, Writer<Step>& out) {
  if (outcome_) co_return Status(StatusCode::kUnavailable, "this device is not pairing any more");
  if (is_busy_) co_return Status(StatusCode::kUnavailable, "busy with another device");
  Run run(*this, guest);
  Result<Binding> binding = bind(Role::kHost, guest, options_.pairing.identity->fingerprint());
  if (!binding) co_return binding.status();
  Exchange exchange(Role::kHost, *std::move(binding), options_.pairing.name);
  Status status = co_await agree(exchange, run, in, out);
  if (!status.is_ok()) co_return status;
  auto step = co_await read_step(in, Step::kListed);
  if (!step) co_return step.status();
  if (outcome_) co_return Status(StatusCode::kAborted, "the other device's time for pairing is up");
  last_ = guest;
  status = list(exchange);
  if (!status.is_ok()) {
    co_return Status(StatusCode::kAborted, "the other device could not write this one down");
  }
  status = co_await out.write(listed_step());
  co_return status;
}

// Until each side knows that the other one knows the code.
Task<Status> Host::agree(Exchange& exchange, Run& run, Reader<Step>& in, Writer<Step>& out) {
  auto hello = co_await read_step(in, Step::kHello);
  if (!hello) co_return hello.status();
  if (!code_) co_return Status(StatusCode::kUnavailable, "this device is not pairing any more");
  const Result<Greeting> greeting = exchange.begin(*code_);
  if (!greeting) co_return greeting.status();
  Greeting theirs;
  theirs.name = hello->hello().name();
  theirs.share = hello->hello().share();
  Status status = exchange.receive(theirs);
  if (status.is_ok()) status = co_await out.write(greeting_step(*greeting));
  if (!status.is_ok()) co_return status;
  auto step = co_await read_step(in, Step::kConfirmation);
  if (!step) co_return step.status();
  if (outcome_) co_return Status(StatusCode::kUnavailable, "this device is not pairing any more");
  status = take_confirmation(exchange, step->confirmation(), run.session());
  if (!status.is_ok()) co_return status;
  run.use_code();
  // Only now, because a stranger must not be able to ask who is in the list.
  status =
      check_conflict(*options_.pairing.peers, exchange.their_name(), exchange.their_fingerprint());
  if (!status.is_ok()) {
    last_ = run.session();
    end(status);
    co_return Status(StatusCode::kAlreadyExists,
                     "it has another certificate by this device's name in its list");
  }
  status = co_await out.write(confirmation_step(exchange.confirmation()));
  co_return status;
}

Status Host::take_confirmation(Exchange& exchange, const std::string& confirmation,
                               const Session& guest) {
  Status status = exchange.check(confirmation);
  if (status.is_ok()) return status;
  ++wrong_codes_;
  node_.log(LogLevel::kWarning,
            "pairing: a wrong code came from " + guest.remote_address().to_string() + " (" +
                std::to_string(wrong_codes_) + " of " + std::to_string(kMostWrongCodes) + ")");
  if (wrong_codes_ < kMostWrongCodes) {
    show_new_code();
  } else {
    last_ = guest;
    end(Status(StatusCode::kPermissionDenied, "too many wrong codes were entered"));
  }
  return status;
}

Status Host::list(const Exchange& exchange) {
  KnownPeer guest;
  guest.name = exchange.their_name();
  guest.fingerprint = exchange.their_fingerprint();
  guest.origin = KnownPeer::Origin::kPaired;
  guest.since = loop_.wall_time();
  Status status = options_.pairing.peers->add(guest);
  if (status.is_ok()) {
    end(std::move(guest));
  } else {
    end(status);
  }
  return status;
}

void Host::end(Result<KnownPeer> outcome) {
  outcome_ = std::move(outcome);
  code_.reset();
  farewell_ends_ = loop_.now() + kFarewell;
  changed_.notify_all();
}

Task<Result<KnownPeer>> Host::wait_paired() {
  for (;;) {
    const bool is_heard = !last_ || !last_->is_open() || farewell_ends_ <= loop_.now();
    if (outcome_ && is_heard) co_return *outcome_;
    const WaitResult woken = co_await changed_.wait(outcome_ ? farewell_ends_ : kNever);
    if (woken == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the wait for a device to pair was cancelled");
    }
  }
}

}  // namespace

Result<std::unique_ptr<PairingHost>> PairingHost::start(Loop& loop, Options options) {
  Status status = check_options(options.pairing);
  if (status.is_ok() && !options.show_code) {
    status = Status(StatusCode::kInvalidArgument, "pairing needs somebody who shows the code");
  }
  if (status.is_ok() && options.open_for <= Duration()) {
    status = Status(StatusCode::kInvalidArgument, "pairing must be open for longer than nothing");
  }
  if (!status.is_ok()) return status;
  auto host = std::make_unique<Host>(loop, std::move(options));
  status = host->start();
  if (!status.is_ok()) return status;
  return std::unique_ptr<PairingHost>(std::move(host));
}

}  // namespace echostream::pairing
