// pair(): the side that was given the code.
#include <optional>
#include <utility>

#include "echostream/base/printable.h"

#include "discovery/pairing/code.h"
#include "discovery/pairing/exchange.h"
#include "discovery/pairing/pairing_node.h"

namespace echostream::pairing {
namespace {

class Guest {
 public:
  Guest(Loop& loop, const PairingOptions& options, Binding binding)
      : loop_(loop), options_(options), exchange_(Role::kGuest, std::move(binding), options.name) {}

  Task<Result<KnownPeer>> run(const Code& code, Writer<Step>& out, Reader<Step>& in) {
    const Result<Greeting> greeting = exchange_.begin(code);
    if (!greeting) co_return greeting.status();
    Status status = co_await out.write(greeting_step(*greeting));
    if (!status.is_ok()) co_return from_host(status);
    status = co_await agree(out, in);
    if (!status.is_ok()) co_return status;
    co_return co_await list(out, in);
  }

 private:
  // Afterwards each side knows that the other one knows the code, and sees the same connection.
  Task<Status> agree(Writer<Step>& out, Reader<Step>& in) {
    auto hello = co_await read_step(in, Step::kHello);
    if (!hello) co_return from_host(hello.status());
    Greeting theirs;
    theirs.name = hello->hello().name();
    theirs.share = hello->hello().share();
    Status status = exchange_.receive(theirs);
    // Before anything is at stake: the host's code is still good afterwards.
    if (status.is_ok()) {
      status = check_conflict(*options_.peers, theirs.name, exchange_.their_fingerprint());
    }
    if (!status.is_ok()) co_return status;
    has_confirmed_ = true;
    status = co_await out.write(confirmation_step(exchange_.confirmation()));
    if (!status.is_ok()) co_return from_host(status);
    auto confirmation = co_await read_step(in, Step::kConfirmation);
    if (!confirmation) co_return from_host(confirmation.status());
    co_return exchange_.check(confirmation->confirmation());
  }

  // The host lists this side only once it has heard that this side lists it.
  Task<Result<KnownPeer>> list(Writer<Step>& out, Reader<Step>& in) {
    KnownPeer host;
    host.name = exchange_.their_name();
    host.fingerprint = exchange_.their_fingerprint();
    host.origin = KnownPeer::Origin::kPaired;
    host.since = loop_.wall_time();
    const std::optional<KnownPeer> before = options_.peers->find(host.name);
    Status listed = options_.peers->add(host);
    if (listed.code() == StatusCode::kUnavailable) {  // the code is spent by now
      co_return Status(StatusCode::kAborted, std::string(listed.message()));
    }
    if (!listed.is_ok()) co_return listed;
    Status status = co_await out.write(listed_step());
    if (!status.is_ok()) {  // it did not leave, so the host lists nobody
      take_back(host, before);
      co_return from_host(status);
    }
    auto answer = co_await read_step(in, Step::kListed);
    if (answer) co_return host;
    status = answer.status();
    if (status.code() == StatusCode::kAborted) {
      take_back(host, before);
      co_return from_host(status).with_context("nothing was paired");
    }
    co_return from_host(status).with_context("this device now trusts \"" + printable(host.name) +
                                             "\", but did not hear whether that one trusts this "
                                             "device, too; pair them again to be sure");
  }

  // Nobody has checked who says that, so the words are marked as another's. UNAVAILABLE invites to
  // try again, so it is only said while nothing has left by which a guess of the code can be
  // judged: a false host that hangs up and is dialled again with the same code would get another
  // guess.
  Status from_host(const Status& status) const {
    const std::string said = "the other device says: " + printable(status.message());
    switch (status.code()) {
      case StatusCode::kDeadlineExceeded:
        return Status(StatusCode::kDeadlineExceeded, "the other device did not answer in time");
      case StatusCode::kPermissionDenied:
      case StatusCode::kAlreadyExists:
      case StatusCode::kCancelled:
        return Status(status.code(), said);
      default:
        break;
    }
    if (has_confirmed_) return Status(StatusCode::kAborted, said);
    if (status.code() == StatusCode::kUnimplemented) {
      return Status(StatusCode::kUnavailable, "that device does not wait to be paired");
    }
    return Status(StatusCode::kUnavailable, said);
  }

  void take_back(const KnownPeer& host, const std::optional<KnownPeer>& before) {
    Status status = options_.peers->remove(host.name);
    if (status.is_ok() && before) status = options_.peers->add(*before);
    // It is the device of the code whatever becomes of the entry: too much is listed, nothing
    // wrong.
    if (!status.is_ok() && options_.log) options_.log(LogLevel::kWarning, status.to_string());
  }

  Loop& loop_;
  const PairingOptions& options_;
  Exchange exchange_;
  bool has_confirmed_ = false;
};

}  // namespace

Task<Result<KnownPeer>> pair(Loop& loop, std::string address, std::string code,
                             PairingOptions options) {
  const Result<Code> entered = Code::parse(code);
  wipe(code);
  if (!entered) co_return entered.status();
  Status checked = check_options(options);
  if (!checked.is_ok()) co_return checked;

  Node node(loop, node_options(options));
  auto session = co_await node.connect(address);
  if (!session) {
    // However that ended, the code was not tried.
    const Status& status = session.error();
    const bool is_silent = status.code() == StatusCode::kDeadlineExceeded;
    co_return is_silent ? Status(StatusCode::kUnavailable, std::string(status.message())) : status;
  }
  Result<Binding> binding = bind(Role::kGuest, *session, options.identity->fingerprint());
  if (!binding) co_return binding.status();
  auto client = session->client<v1::Pairing>();
  CallOptions call = CallOptions().timeout(options.patience);
  auto stream = co_await client.Pair(std::move(call));
  Guest guest(loop, options, *std::move(binding));
  auto paired = co_await guest.run(*entered, stream.writer, stream.reader);
  co_return paired;
}

}  // namespace echostream::pairing
