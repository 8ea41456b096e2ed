// How commands reach the node that they talk to: options that all of them have.
#pragma once

#include <CLI/App.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/loop.h"
#include "echostream/metadata.h"
#include "echostream/node.h"

#include "tools/echostream/remote/http_protocol.h"
#include "tools/echostream/remote/remote.h"

namespace echostream::tool {

/// Adds its options to a command, which holds it; values are there once they have been read.
class DialOptions {
 public:
  explicit DialOptions(CLI::App& app);
  DialOptions(const DialOptions&) = delete;
  DialOptions& operator=(const DialOptions&) = delete;

  /// For commands that need services and types: --proto, --import.
  void add_schema_options();
  /// For commands that call methods: those, and --metadata, --timeout, --max-reply-bytes.
  void add_call_options();

  const std::string& target() const { return target_; }
  /// INVALID_ARGUMENT when nobody can be dialled by that name, and what to write instead.
  Status check_target() const;
  bool is_http() const { return target_.starts_with("https://"); }
  /// What is spoken to servers of https://.
  HttpProtocol http_protocol() const;
  const std::vector<std::string>& protos() const { return protos_; }
  /// INVALID_ARGUMENT names the entry that is none.
  Result<Metadata> metadata() const;
  /// Of a call; none: what its .proto says.
  std::optional<Duration> timeout() const;
  /// With metadata() and timeout(), which must be fine.
  CallOptions call_options() const;
  /// How many bytes one message of the peer may have.
  std::uint64_t max_reply_bytes() const { return max_reply_bytes_; }
  /// Whom to believe, who we are, how long to try, and what is written for debugging.
  /// INVALID_ARGUMENT.
  Result<NodeOptions> node_options() const;
  /// For a peer that serves no reflection; `hint` says what helps.
  Status tells_nothing(const std::string& hint = "") const;
  /// Services and types: from --proto where that is given, otherwise from the peer.
  Task<Result<Schema>> schema(Remote& remote) const;

 private:
  void add_trust_options(const std::string& group);
  Result<Trust> trust() const;

  CLI::App& app_;
  std::string target_;
  std::string ca_;
  std::vector<std::string> fingerprints_;
  bool insecure_ = false;
  std::string known_peers_;
  bool first_use_ = false;
  std::string certificate_;
  std::string key_;
  std::string tickets_;
  std::string key_log_;
  std::string qlog_;
  std::vector<std::string> metadata_;
  std::vector<std::string> protos_;
  std::vector<std::string> import_folders_;
  Duration timeout_{};
  CLI::Option* timeout_option_ = nullptr;
  Duration connect_timeout_ = std::chrono::seconds(10);
  std::size_t http_protocol_ = 0;
  CLI::Option* http_protocol_option_ = nullptr;
  std::uint64_t max_reply_bytes_ = 16 * 1024 * 1024;
};

/// Connects. Errors of the handshake are those of Node::connect(). `loop` must outlive the result.
Task<Result<std::unique_ptr<Remote>>> dial(Loop& loop, const DialOptions& options);

/// What the options of DialOptions mean, for the end of --help.
extern const char* const kDialExplanation;

}  // namespace echostream::tool
