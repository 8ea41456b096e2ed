// Compresses large messages on the wire, between nodes that both have this plugin; with all others
// nothing changes. docs/plugins/compression.md says when that pays, and when it is dangerous.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/limits.h"
#include "echostream/plugin.h"

namespace echostream {

enum class Encoding : std::uint8_t {
  kZstd,     // RFC 8878: better and several times faster
  kDeflate,  // RFC 1950, zlib's: everything has it
};

class CompressionOptions {
 public:
  CompressionOptions() {}

  /// What this node takes and makes, the best first; each once, at least one.
  std::vector<Encoding> encodings{Encoding::kZstd, Encoding::kDeflate};
  /// 1 (fastest) to 19, and 1 to 9.
  int zstd_level = 1;
  int deflate_level = 1;
  /// Smaller messages go as they are.
  std::size_t min_bytes = 1024;
  /// What this node compresses: messages of these methods ("acme.v1.Robot/Map", "acme.v1.Robot/*",
  /// "acme.v1.*" or "*") but not of those. Methods whose messages hold a secret beside text that
  /// somebody else has chosen belong into `except`: the size of such a message tells of the secret
  /// (CRIME, BREACH). What comes compressed is taken for all methods.
  std::vector<std::string> methods{"*"};
  std::vector<std::string> except;
  /// Requests and one-way events are compressed from the first one on. Otherwise only after the
  /// peer has shown, in its answer to a call of this session, that it takes it. Set it when all
  /// peers are known to have the plugin: those that do not refuse such calls.
  bool peers_take_it = false;
  /// Of a message once it is decompressed, as Limits::max_message_bytes is of the others. Larger
  /// ones are sent as they are, and refused with RESOURCE_EXHAUSTED before they are decompressed.
  std::size_t max_message_bytes = Limits{}.max_message_bytes;
};
static_assert(kSafeInAwait<CompressionOptions>);

struct CompressionStats {
  /// Messages that were compressed, and their bytes before and after. A published event counts
  /// once, however many subscribers it goes to.
  std::uint64_t compressed = 0;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  /// Messages for which that did not pay.
  std::uint64_t incompressible = 0;
  /// And for which it was not tried, because it had not paid for those before them.
  std::uint64_t not_tried = 0;
  std::uint64_t decompressed = 0;
  /// Messages that were broken, too large, or encoded in a way that this node does not know.
  std::uint64_t refused = 0;
};

/// Add it last, so that it is nearest to the wire.
class CompressionPlugin : public Plugin {
 public:
  virtual CompressionStats stats() const = 0;
};

/// INVALID_ARGUMENT, with what is allowed, for options out of their range.
Result<std::shared_ptr<CompressionPlugin>> make_compression_plugin(CompressionOptions options = {});

}  // namespace echostream
