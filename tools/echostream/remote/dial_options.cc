#include "tools/echostream/remote/dial_options.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>
#include <utility>

#include "echostream/known_peers.h"
#include "echostream/security.h"
#include "echostream/session_tickets.h"

#include "tools/echostream/discovery/this_system.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

const char* const kDialExplanation =
    R"(TARGET is HOST:PORT, or the name or service of a node that announces itself on this network ("camera at the
door", acme.v1.Camera), or https://HOST[:PORT], a server of whatever make that speaks Connect over HTTP/3. Whom to
believe is said by one of --fingerprint, --ca, --known-peers and --insecure; without them it is the file known_peers
of 'echostream pair' and 'echostream peers'.

Exit code: 0 done, 1 it could not be done, 2 wrong usage or input, 64 + N a call ended with status N (of gRPC's
numbers: 64 + 5 = 69 is NOT_FOUND). More: docs/cli.md.)";

DialOptions::DialOptions(CLI::App& app) : app_(app) {
  const std::string group = "Connection";
  app.add_option("TARGET", target_,
                 "whom to talk to: HOST:PORT, an announced name or service, or https://HOST[:PORT]")
      ->required();
  app.add_option("--fingerprint", fingerprints_,
                 "SHA-256 fingerprint of its certificate; may be repeated")
      ->allow_extra_args(false)  // what follows its one value is something else
      ->group(group);
  add_file(app, "--ca", ca_, "a PEM file with the authorities that vouch for it")->group(group);
  app.add_flag("--insecure", insecure_, "believe anybody: for experiments on one machine")
      ->group(group);
  add_file(app, "--known-peers", known_peers_, "a file of known peers")->group(group);
  app.add_flag("--trust-first-use", first_use_,
               "whoever answers to a name that nobody is known by is believed, and remembered")
      ->group(group);
  add_file(app, "--certificate,--cert", certificate_, "a PEM file with our own certificate")
      ->group(group);
  add_file(app, "--key", key_, "a PEM file with its private key")->group(group);
  add_file(app, "--tickets", tickets_, "a file of session tickets, to resume sessions")
      ->group(group);
  add_file(app, "--key-log", key_log_, "append the session's secrets, for Wireshark")->group(group);
  app.add_option("--qlog", qlog_, "a folder for a trace of the connection")
      ->type_name("FOLDER")
      ->group(group);
}

void DialOptions::add_schema_options() {
  const std::string group = "Call";
  app_.add_option("--proto", protos_,
                  "a .proto file, in place of what the node says of itself; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group(group);
  app_.add_option("-I,--import", import_folders_, "where imports of --proto are found")
      ->type_name("FOLDER")
      ->allow_extra_args(false)
      ->group(group);
}

void DialOptions::add_call_options() {
  const std::string group = "Call";
  add_schema_options();
  app_.add_option("-H,--metadata", metadata_, "'key: value' beside the call; may be repeated")
      ->allow_extra_args(false)
      ->group(group);
  timeout_option_ = add_milliseconds(app_, "--timeout", timeout_, 1,
                                     "how long a call may take [what its .proto says]");
  timeout_option_->group(group);
}

Result<Metadata> DialOptions::metadata() const {
  Metadata metadata;
  for (const std::string& entry : metadata_) {
    const std::size_t colon = entry.find(':');
    const std::string key = entry.substr(0, colon);
    if (colon == std::string::npos || !Metadata::is_valid_key(key)) {
      return Status(StatusCode::kInvalidArgument,
                    "--metadata: '" + entry +
                        "' is not 'key: value' with a key of a-z, 0-9, '-', '_' and '.'");
    }
    const std::size_t value = entry.find_first_not_of(' ', colon + 1);
    metadata.add(key, value == std::string::npos ? "" : entry.substr(value));
  }
  return metadata;
}

std::optional<Duration> DialOptions::timeout() const {
  if (timeout_option_ == nullptr || timeout_option_->count() == 0) return std::nullopt;
  return timeout_;
}

CallOptions DialOptions::call_options() const {
  CallOptions options;
  if (auto headers = metadata()) options = std::move(options).metadata(*std::move(headers));
  if (const auto limit = timeout()) options = std::move(options).timeout(*limit);
  return options;
}

Result<Trust> DialOptions::trust() const {
  const int given = (ca_.empty() ? 0 : 1) + (fingerprints_.empty() ? 0 : 1) + (insecure_ ? 1 : 0) +
                    (known_peers_.empty() ? 0 : 1);
  if (given > 1) {
    return Status(StatusCode::kInvalidArgument,
                  "only one of --fingerprint, --ca, --known-peers and --insecure can be meant");
  }
  if (insecure_) return Trust::insecure_accept_any();
  if (!ca_.empty()) return Trust::certificate_authorities_file(ca_);
  if (!fingerprints_.empty()) {
    std::vector<Fingerprint> pinned;
    for (const std::string& text : fingerprints_) {
      auto fingerprint = Fingerprint::parse(text);
      if (!fingerprint) return std::move(fingerprint).error().with_context("--fingerprint");
      pinned.push_back(*fingerprint);
    }
    return Trust::pinned(std::move(pinned));
  }
  auto path = known_peers_path(known_peers_);
  std::error_code error;
  // Looking makes no file.
  if (!path || (!first_use_ && !std::filesystem::exists(*path, error))) {
    return Status(StatusCode::kInvalidArgument,
                  "whom to believe? Give --fingerprint of its certificate, --ca FILE, or, on your "
                  "own machine, --insecure; or 'echostream pair' with it first");
  }
  if (Status made = make_folder_of(*path); !made.is_ok()) return made;
  auto peers = make_file_known_peers(*path);
  if (!peers) return peers.error();
  return Trust::known_peers(*peers, first_use_ ? FirstUse::kAccept : FirstUse::kRefuse);
}

Result<NodeOptions> DialOptions::node_options() const {
  if (certificate_.empty() != key_.empty()) {
    return Status(StatusCode::kInvalidArgument, "--certificate and --key belong together");
  }
  NodeOptions options;
  auto believed = trust();
  if (!believed) return believed.error();
  options.trust = *believed;
  if (!certificate_.empty()) {
    auto identity = Identity::from_pem_files(certificate_, key_);
    if (!identity) return identity.error();
    options.identity = *identity;
  }
  if (!tickets_.empty()) {
    auto cache = make_file_ticket_cache(tickets_);
    if (!cache) return cache.error();
    options.ticket_cache = *cache;
  }
  options.key_log_file = key_log_;
  options.qlog_directory = qlog_;
  if (const auto limit = timeout()) {
    options.handshake_timeout = std::min(options.handshake_timeout, *limit);
  }
  return options;
}

Task<Result<Schema>> DialOptions::schema(Remote& remote) const {
  if (!protos_.empty()) co_return schema_from_protos(protos_, import_folders_);
  auto described = co_await remote.describe({});
  if (!described && described.error().code() == StatusCode::kUnimplemented) {
    co_return Status(StatusCode::kUnimplemented,
                     "it does not tell what it serves (docs/reflection.md); give --proto FILE");
  }
  co_return described;
}

}  // namespace echostream::tool
