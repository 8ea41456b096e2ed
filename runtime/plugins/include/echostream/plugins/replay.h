// Serving a recording: clients get again what a node answered, sent and published when it was
// recorded. docs/plugins/recorder.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/plugins/recording.h"
#include "echostream/service.h"

namespace echostream {

class ReplayOptions {
 public:
  ReplayOptions() {}

  /// Twice as fast: 2. Zero: each stream as fast as the client takes it.
  double speed = 1;
  /// A request that was not recorded gets the answer of one that was; else NOT_FOUND.
  bool any_request = false;
  /// Full names of the methods that are served; '*' stands for any characters.
  std::vector<std::string> methods = {"*"};
  /// Of all that is kept in memory.
  std::size_t max_bytes = 512 * 1024 * 1024;
};

struct Replay {
  /// For Node::serve(), one for each service of which something was recorded.
  std::vector<std::shared_ptr<Service>> services;
  RecordingDamage damage;
  std::size_t calls = 0;
  std::size_t messages = 0;
};

/// Reads the whole recording. What its services do:
/// - A stream or subscription gets the frames that were recorded for the same request, each as long
///   after the request as it was captured then, with that as its capture time; then it ends as it
///   did then. Streams that a client opens as far apart as they were opened then fit together.
/// - A call gets the reply, or the error, that was recorded for the same request, at once.
/// - The same request again gets what was recorded for it the second time, and so on; after the
///   last the first again.
/// - What a client streams is taken and thrown away, and so are its events.
/// Errors: those of RecordingReader::open(); RESOURCE_EXHAUSTED (ReplayOptions::max_bytes);
/// NOT_FOUND when the file has nothing that can be served.
Result<Replay> load_replay(const std::string& path, ReplayOptions options = {});
Result<Replay> load_replay(RecordingReader reader, ReplayOptions options = {});

}  // namespace echostream
