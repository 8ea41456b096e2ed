#include "tools/echostream/remote/dial_options.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>
#include <utility>

#include "echostream/known_peers.h"
#include "echostream/security.h"
#include "echostream/session_tickets.h"

#include "runtime/gateway/protocol/base64.h"
#include "runtime/gateway/protocol/metadata_fields.h"
#include "tools/echostream/discovery/this_system.h"
#include "tools/echostream/options.h"

namespace echostream::tool {

namespace {

constexpr std::uint64_t kMostReplyBytes = 128 * 1024 * 1024;

Status bad_entry(const std::string& entry, const std::string& what) {
  return {StatusCode::kInvalidArgument, "--metadata: '" + entry + "': " + what};
}

// Other faults of it are found when it is dialled.
Status check_http_target(const std::string& target) {
  const std::size_t begin = target.find("://") + 3;
  const std::size_t end = target.find_first_of("/?#", begin);
  if (end == std::string::npos || target.substr(end) == "/") return Status::ok();
  return {StatusCode::kInvalidArgument,
          "'" + target + "': services lie at a server's root; write " + target.substr(0, end)};
}

// What is asked for and cannot be written is no reason for the runtime to stop; it is one here.
Status check_folder(const char* option, const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.empty() || std::filesystem::is_directory(folder, error)) return Status::ok();
  return {StatusCode::kInvalidArgument,
          std::string(option) + ": there is no folder " + folder.string()};
}

// One of -H. Names are of small letters on the wire, and people write them with capitals.
Status add_entry(const std::string& entry, bool is_http, Metadata& metadata) {
  const std::size_t colon = entry.find(':');
  std::string key = entry.substr(0, colon);
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (colon == std::string::npos || !Metadata::is_valid_key(key)) {
    return bad_entry(entry, "write 'key: value', with a key of letters, digits, '-', '_' and '.'");
  }
  const std::size_t begin = entry.find_first_not_of(' ', colon + 1);
  std::string value = begin == std::string::npos ? "" : entry.substr(begin);
  if (key.ends_with("-bin")) {
    auto bytes = gateway::from_base64(value);
    if (!bytes) {
      return bad_entry(entry,
                       "the value of a key that ends in -bin is base64: printf %s VALUE | "
                       "base64");
    }
    value = *std::move(bytes);
  }
  if (is_http && gateway::is_protocol_field(key)) {
    return bad_entry(entry, key + " belongs to HTTP or its protocols, which say it themselves");
  }
  if (is_http && !gateway::is_sendable(key, value)) {
    return bad_entry(entry, "HTTP carries visible ASCII; name the key " + key +
                                "-bin and give the value in base64");
  }
  metadata.add(std::move(key), std::move(value));
  return Status::ok();
}

}  // namespace

const char* const kDialExplanation =
    R"(TARGET is HOST:PORT, or the name or service of a node that announces itself on this network ("camera at the
door", acme.v1.Camera), or https://HOST[:PORT], a server of whatever make that speaks Connect, gRPC or gRPC-Web over
HTTP/3 (--protocol). Whom to believe is said by one of --fingerprint, --ca, --known-peers and --insecure; without them
it is the file known_peers of 'echostream pair' and 'echostream peers'. 'echostream cert fingerprint FILE' prints the
fingerprint of a certificate.

An error goes to stderr, with its details; with --json it is also the last object on stdout:
{"status":"UNAVAILABLE","code":14,"message":"...","details":[]}.

Exit code: 0 done, 1 it could not be done, 2 wrong usage or input, 64 + N a call ended with status N (of gRPC's
numbers: 64 + 5 = 69 is NOT_FOUND). More: docs/cli.md.)";

DialOptions::DialOptions(CLI::App& app) : app_(app) {
  const std::string group = "Connection";
  app.add_option("TARGET", target_,
                 "whom to talk to: HOST:PORT, an announced name or service, or https://HOST[:PORT]")
      ->required();
  add_trust_options(group);
  add_milliseconds(app, "--connect-timeout", connect_timeout_, 1,
                   "how long to try to connect, looking the name up included [10000]")
      ->group(group);
  http_protocol_option_ =
      add_choice(app, "--protocol", http_protocol_, {"connect", "grpc", "grpc-web"},
                 "what to speak with a server of https:// [connect]");
  http_protocol_option_->group(group);
  add_file(app, "--tickets", tickets_,
           "a file of session tickets: the next session resumes this one, which saves a round trip")
      ->group(group);
  add_file(app, "--key-log", key_log_,
           "append the session's secrets to this file, for Wireshark: who has it can read all")
      ->group(group);
  app.add_option("--qlog", qlog_, "an existing folder, for a trace of the connection (qlog)")
      ->type_name("FOLDER")
      ->group(group);
}

void DialOptions::add_trust_options(const std::string& group) {
  app_.add_option("--fingerprint", fingerprints_,
                  "SHA-256 fingerprint of its certificate, 64 hexadecimal digits; may be repeated")
      ->allow_extra_args(false)  // what follows its one value is something else
      ->group(group);
  add_file(app_, "--ca", ca_, "a PEM file with the authorities whose word for it is believed")
      ->group(group);
  app_.add_flag("--insecure", insecure_, "believe anybody: for experiments on one machine")
      ->group(group);
  add_file(app_, "--known-peers", known_peers_,
           "a file of known peers, in place of this user's (echostream peers)")
      ->group(group);
  app_.add_flag("--trust-first-use", first_use_,
                "whoever answers to a name that nobody is known by is believed, and remembered")
      ->group(group);
  add_file(app_, "--certificate,--cert", certificate_,
           "a PEM file with our own certificate, for a node that asks who we are")
      ->group(group);
  add_file(app_, "--key", key_, "a PEM file with the private key of --certificate")->group(group);
}

Status DialOptions::check_target() const {
  if (!is_http() && http_protocol_option_->count() > 0) {
    return {StatusCode::kInvalidArgument, "--protocol is for servers of https://; '" + target_ +
                                              "' is spoken to in EchoStream's own protocol"};
  }
  if (is_http()) return check_http_target(target_);
  const std::size_t colon = target_.find("://");
  if (colon == std::string::npos) return Status::ok();
  const std::string rest = target_.substr(colon + 3);
  std::string node = rest.substr(0, rest.find('/'));
  if (node.find(':') == std::string::npos) node += ":PORT";
  return {StatusCode::kInvalidArgument,
          "'" + target_ + "' names nobody who can be called: write https://" + rest +
              " for a server of HTTP/3, which is always encrypted, or " + node +
              " for a node of EchoStream"};
}

HttpProtocol DialOptions::http_protocol() const {
  return static_cast<HttpProtocol>(http_protocol_);
}

void DialOptions::add_schema_options() {
  const std::string group = "Call";
  app_.add_option("--proto", protos_,
                  "a .proto file with the services, in place of asking the node; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group(group);
  app_.add_option("-I,--import", import_folders_,
                  "a folder where imports of --proto are found; may be repeated")
      ->type_name("FOLDER")
      ->allow_extra_args(false)
      ->group(group);
}

void DialOptions::add_call_options() {
  const std::string group = "Call";
  add_schema_options();
  app_.add_option(
          "-H,--metadata", metadata_,
          "'key: value' that goes with the call, as a header does; of keys that end in -bin "
          "the value is base64; may be repeated")
      ->type_name("'KEY: VALUE'")
      ->allow_extra_args(false)
      ->group(group);
  timeout_option_ = add_milliseconds(app_, "--timeout", timeout_, 1,
                                     "how long the call may take [what its .proto says]; "
                                     "connecting, too, unless --connect-timeout is shorter");
  timeout_option_->group(group);
  app_.add_option("--max-reply-bytes", max_reply_bytes_,
                  "how long a message that comes may be; a longer one ends the call")
      ->type_name("BYTES")
      ->check(CLI::Range(std::uint64_t{1}, kMostReplyBytes))
      ->capture_default_str()
      ->group(group);
}

Result<Metadata> DialOptions::metadata() const {
  Metadata metadata;
  for (const std::string& entry : metadata_) {
    if (Status added = add_entry(entry, is_http(), metadata); !added.is_ok()) return added;
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
  if (!known_peers_.empty() && !first_use_ && !std::filesystem::exists(known_peers_, error)) {
    return Status(StatusCode::kInvalidArgument, "--known-peers: there is no file " + known_peers_);
  }
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
  const std::filesystem::path key_log(key_log_);
  if (Status found = check_folder("--key-log", key_log.parent_path()); !found.is_ok()) return found;
  if (Status found = check_folder("--qlog", qlog_); !found.is_ok()) return found;
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
  options.handshake_timeout = connect_timeout_;
  if (const auto limit = timeout()) {
    options.handshake_timeout = std::min(options.handshake_timeout, *limit);
  }
  Limits& limits = options.limits;
  limits.max_message_bytes = max_reply_bytes_;
  // What is put together of several frames counts against these.
  const auto bytes = static_cast<std::size_t>(max_reply_bytes_);
  limits.max_held_bytes = std::max(limits.max_held_bytes, bytes);
  limits.max_session_bytes = std::max(limits.max_session_bytes, 2 * bytes);
  return options;
}

Status DialOptions::tells_nothing(const std::string& hint) const {
  const bool may_be_grpc = is_http() && http_protocol() == HttpProtocol::kConnect;
  return {StatusCode::kUnimplemented,
          "it does not tell what it serves (docs/reflection.md)" + hint +
              (may_be_grpc ? "; a server of gRPC alone takes --protocol grpc" : "")};
}

Task<Result<Schema>> DialOptions::schema(Remote& remote) const {
  if (!protos_.empty()) co_return schema_from_protos(protos_, import_folders_);
  auto described = co_await remote.describe({});
  if (described) co_return described;
  const StatusCode code = described.error().code();
  if (code == StatusCode::kResourceExhausted &&
      app_.get_option_no_throw("--max-reply-bytes") != nullptr) {
    co_return Status(code,
                     "what it says of its services: " + std::string(described.error().message()) +
                         "; see --max-reply-bytes, or give --proto FILE");
  }
  if (code != StatusCode::kUnimplemented) co_return described;
  co_return tells_nothing("; give --proto FILE");
}

}  // namespace echostream::tool
