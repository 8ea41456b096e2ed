// --config FILE and --set NAME=VALUE, for example programs that make a node
// (docs/configuration.md).
#pragma once

#include <string>
#include <vector>

#include "echostream/config.h"

#include "arguments/arguments.h"

namespace examples {

class ConfigArguments {
 public:
  /// Adds the flags. Both objects must outlive the parsing.
  explicit ConfigArguments(Arguments& flags);
  ConfigArguments(const ConfigArguments&) = delete;
  ConfigArguments& operator=(const ConfigArguments&) = delete;

  /// What the file, the environment and --set say, after the flags were parsed. Without any of
  /// them: nothing is set.
  echostream::Result<echostream::Configuration> read() const;

 private:
  std::string path_;
  std::vector<std::string> settings_;
};

/// The program's own flag is over the configuration, and both are over what the program has by
/// itself.
std::vector<std::string> where_to_listen(const std::string& flag,
                                         const echostream::Configuration& configuration,
                                         const std::string& otherwise);
/// The same for the peer to dial, which is the configuration's first.
echostream::config::PeerConfig whom_to_dial(const std::string& flag,
                                            const echostream::Configuration& configuration,
                                            const std::string& otherwise);
/// Makes the node believe the certificate with that fingerprint, when there is one. An error when
/// the configuration does not say whom to believe either.
echostream::Status believe(const std::string& fingerprint, echostream::NodeOptions& options);

}  // namespace examples
