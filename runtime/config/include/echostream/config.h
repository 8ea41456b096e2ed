// The configuration of a node from one file, the environment and the command line:
// docs/configuration.md. The schema is idl/echostream/config.proto.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/base/time.h"
#include "echostream/config.pb.h"
#include "echostream/connect_options.h"
#include "echostream/http.h"
#include "echostream/loop.h"
#include "echostream/node.h"
#include "echostream/node_pool.h"
#include "echostream/persistent_session.h"
#include "echostream/plugin.h"

namespace echostream {

/// One thing that is wrong with a configuration.
struct ConfigProblem {
  /// The file's name, "environment variable X" or "command line".
  std::string source;
  /// Counted from 1, the column in bytes; 0: there is none to tell.
  int line = 0;
  int column = 0;
  /// "node.limits.max_message_bytes", "peers.1.target"; empty for what is wrong with the text.
  std::string field;
  /// What is wrong, and what is allowed.
  std::string message;

  /// "robot.json:3:7: error: ...".
  std::string to_string() const;
};

/// What is set over the file. Later ones win: the file, the environment, then the settings.
class ConfigOverrides {
 public:
  ConfigOverrides() {}
  /// With the variables of this process: ECHOSTREAM_NODE__IDLE_TIMEOUT_MS=5000 sets
  /// node.idle_timeout_ms.
  static ConfigOverrides from_environment();

  /// "NAME=value" as the system has them; those that do not begin with ECHOSTREAM_ are left out.
  std::vector<std::string> environment;
  /// "node.idle_timeout_ms=5000", from the command line. Elements of lists are named by their
  /// number: "peers.0.target=...". The value is what stands in the file, text without quotes; a
  /// list or an object is written as JSON.
  std::vector<std::string> settings;
};
static_assert(kSafeInAwait<ConfigOverrides>);

namespace internal {
struct ConfigPlaces;
}

/// What was read and found to be sound in itself; whether the files that it names are there and
/// good shows when they are read. A cheap value.
class Configuration {
 public:
  /// Nothing is set: what a program has without a file.
  Configuration();

  const config::Config& message() const noexcept { return *message_; }

  // For the functions below.
  Configuration(std::shared_ptr<const config::Config> message,
                std::shared_ptr<const internal::ConfigPlaces> places) noexcept;
  const internal::ConfigPlaces& places() const noexcept { return *places_; }

 private:
  std::shared_ptr<const config::Config> message_;
  std::shared_ptr<const internal::ConfigPlaces> places_;
};

// Each of these finds all that is wrong, and says it with INVALID_ARGUMENT, one line for each
// problem (up to 20), with file, line and column and what is allowed instead. `problems`, where it
// is given, gets the same for a program.

/// Reads a file: JSON or protobuf's text format, by its extension (.json; .textproto, .txtpb,
/// .pbtxt) or else by how it begins. NOT_FOUND, PERMISSION_DENIED or UNAVAILABLE when it cannot be
/// read. An empty `path`: the overrides alone.
Result<Configuration> read_config(const std::string& path, const ConfigOverrides& overrides = {},
                                  std::vector<ConfigProblem>* problems = nullptr);
/// The same from memory. `name` is what messages call it and tells the format; relative names of
/// files begin in its folder.
Result<Configuration> parse_config(std::string_view text, const std::string& name,
                                   const ConfigOverrides& overrides = {},
                                   std::vector<ConfigProblem>* problems = nullptr);

/// What Config.node says. Reads the files that it names, and makes self-signed identities, valid
/// from `now`.
Result<NodeOptions> node_options_from(const Configuration& configuration, WallTime now,
                                      std::vector<ConfigProblem>* problems = nullptr);
/// What Config.pool, .loop and .node say.
Result<NodePoolOptions> node_pool_options_from(const Configuration& configuration, WallTime now,
                                               std::vector<ConfigProblem>* problems = nullptr);
LoopOptions loop_options_from(const Configuration& configuration);
/// What Config.http says, for enable_http(); nothing when it is not given.
std::optional<HttpOptions> http_options_from(const Configuration& configuration);
ReconnectOptions reconnect_options_from(const config::PeerConfig& peer);
ConnectOptions connect_options_from(const config::PeerConfig& peer);

/// Makes the plugins that the configuration names, in their order, and adds them: before start(). A
/// plugin that is not `required` and cannot be made, or does not start, costs a warning in the
/// node's log instead of an error. What a plugin of the pool's threads shares (a file, a page) is
/// one for all of them.
Status add_plugins(const Configuration& configuration, Node& node);
Status add_plugins(const Configuration& configuration, NodePool& pool);
/// Makes them and lets them go: whether add_plugins() could add each of them, those that are not
/// required too. Loaded ones run code of theirs.
Status check_plugins(const Configuration& configuration,
                     std::vector<ConfigProblem>* problems = nullptr);

/// The configuration with all that holds where nothing is set, as a file: what the program runs
/// with. Secrets are left out.
enum class ConfigFormat : std::uint8_t { kJson, kText };
std::string print_config(const Configuration& configuration, ConfigFormat format);

}  // namespace echostream
