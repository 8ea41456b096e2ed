#include "discovery/pairing/pairing_node.h"

#include <cstdio>
#include <utility>

#include "echostream/base/printable.h"

namespace echostream::pairing {
namespace {

constexpr char kExporterLabel[] = "EXPORTER-echostream-pairing";
constexpr std::size_t kExportedBytes = 32;

void write_line(LogLevel level, std::string_view text) {
  if (level < LogLevel::kWarning) return;
  std::fprintf(stderr, "echostream: %s: %.*s\n", level == LogLevel::kError ? "error" : "warning",
               static_cast<int>(text.size()), text.data());
}

}  // namespace

Status check_options(const PairingOptions& options) {
  const auto wrong = [](const char* why) { return Status(StatusCode::kInvalidArgument, why); };
  if (!options.identity) return wrong("pairing needs an identity");
  if (options.peers == nullptr) return wrong("pairing needs a list of peers to write into");
  if (options.patience <= Duration()) return wrong("the patience must be longer than nothing");
  return check_name(options.name).with_context("the name of this device");
}

NodeOptions node_options(const PairingOptions& options) {
  NodeOptions node;
  node.identity = options.identity;
  node.trust = Trust::insecure_accept_any();
  node.client_trust = Trust::insecure_accept_any();
  // Each session shows both certificates, and a run is never part of another's handshake.
  node.resumption = false;
  node.accept_early_data = false;
  node.synchronise_clocks = false;
  node.limits.max_message_bytes = 1024;
  node.limits.max_running_handlers = 1;
  node.max_concurrent_calls = 1;
  // Room for ten tries in a row, whose sessions linger for a while; little for who would fill it.
  node.max_sessions = 64;
  node.max_sessions_per_address = 16;
  auto log = options.log ? options.log : write_line;
  node.log = [log = std::move(log)](LogLevel level, std::string_view text) {
    const bool is_expected = level == LogLevel::kWarning &&
                             text.find("Trust::insecure_accept_any()") != std::string_view::npos;
    log(is_expected ? LogLevel::kDebug : level, text);
  };
  return node;
}

Result<Binding> bind(Role role, const Session& session, const Fingerprint& own) {
  const std::optional<Fingerprint> theirs = session.peer_fingerprint();
  if (!theirs) return Status(StatusCode::kPermissionDenied, "the other side shows no certificate");
  Result<std::string> exported = session.export_keying_material(kExporterLabel, "", kExportedBytes);
  if (!exported) return exported.status();
  const bool is_guest = role == Role::kGuest;
  return Binding{is_guest ? own : *theirs, is_guest ? *theirs : own, *std::move(exported)};
}

Status check_conflict(const KnownPeers& peers, const std::string& name,
                      const Fingerprint& fingerprint) {
  const std::optional<KnownPeer> known = peers.find(name);
  if (!known || known->fingerprint == fingerprint) return Status::ok();
  return Status(StatusCode::kAlreadyExists,
                "the list of peers has another certificate by the name \"" + printable(name) +
                    "\": remove that first if the device was replaced or reset");
}

Task<Result<Step>> read_step(Reader<Step>& in, Step::StepCase kind) {
  auto frame = co_await in.next();
  if (!frame) {
    if (!in.status().is_ok()) co_return in.status();
    co_return Status(StatusCode::kUnavailable, "the other side has ended the pairing");
  }
  if (frame->message.step_case() != kind) {
    co_return Status(StatusCode::kPermissionDenied, "the other side sent a step out of its turn");
  }
  co_return std::move(frame->message);
}

Step greeting_step(const Greeting& greeting) {
  Step step;
  step.mutable_hello()->set_name(greeting.name);
  step.mutable_hello()->set_share(greeting.share);
  return step;
}

Step confirmation_step(const std::string& confirmation) {
  Step step;
  step.set_confirmation(confirmation);
  return step;
}

Step listed_step() {
  Step step;
  step.mutable_listed();
  return step;
}

}  // namespace echostream::pairing
