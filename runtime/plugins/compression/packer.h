// What one node packs and unpacks: which messages are worth it, each once, counted.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "echostream/method.h"
#include "echostream/plugins/compression.h"

#include "runtime/plugins/compression/codec_set.h"
#include "runtime/plugins/compression/packed_message.h"
#include "runtime/plugins/support/method_pattern.h"

namespace echostream::compression {

class Packer {
 public:
  /// Options that were checked.
  explicit Packer(CompressionOptions options);
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  const CompressionOptions& options() const noexcept { return options_; }
  const CodecSet& codecs() const noexcept { return codecs_; }
  /// Whether this node compresses messages of that method at all.
  bool is_compressed(const MethodInfo& method) const;
  /// Whether this message gets smaller. pack() of the same message costs little after that.
  bool pays(const Buffer& message, Codec& codec, const MethodInfo& method);
  /// The message as it goes over the wire, in the form that is smaller.
  Buffer pack(const Buffer& message, Codec& codec, const MethodInfo& method);
  Result<Buffer> unpack(const Buffer& packed, Codec& codec);
  void count_refused() noexcept { ++stats_.refused; }
  const CompressionStats& stats() const noexcept { return stats_; }

 private:
  // Where messages of a method turned out to be compressed already (pictures, sound), most of the
  // next ones are not tried: after the n-th failure in a row 2^n of them, 64 at most.
  struct History {
    std::uint32_t failures = 0;
    std::uint32_t to_skip = 0;
  };
  // The last message that was packed, and into what: a published event is the same Buffer for all
  // its subscribers. Holding it keeps its address from meaning another message.
  struct Last {
    Buffer message;
    const Codec* codec = nullptr;
    /// Empty: it goes as it is.
    Buffer packed;
    bool is(const Buffer& other, const Codec& with) const noexcept {
      return codec == &with && message.data() == other.data() && message.size() == other.size();
    }
  };
  const Buffer& compress(const Buffer& message, Codec& codec, const MethodInfo& method);
  Buffer try_to_compress(const Buffer& message, Codec& codec, History& history);

  CompressionOptions options_;
  plugins::MethodPatterns methods_;
  std::optional<plugins::MethodPatterns> except_;
  CodecSet codecs_;
  CompressionStats stats_;
  std::unordered_map<const MethodInfo*, History> histories_;
  Last last_;
  std::vector<std::uint8_t> scratch_;
};

}  // namespace echostream::compression
