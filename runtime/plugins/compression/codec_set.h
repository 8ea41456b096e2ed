// The encodings that a node takes, and what two nodes tell each other about them: keys and lists of
// names in metadata (docs/protocol.md, "Compressed messages").
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/plugins/compression.h"

#include "runtime/plugins/compression/codec.h"

namespace echostream::compression {

/// "zstd,deflate": what the sender of this metadata takes. In requests, and in answers to those.
inline constexpr char kAcceptKey[] = "echostream-accept-encoding";
/// "zstd": how each message that its sender sends on this call is packed.
inline constexpr char kEncodingKey[] = "echostream-encoding";

class CodecSet {
 public:
  explicit CodecSet(const CompressionOptions& options);

  /// Null when this node does not know it.
  Codec* find(std::string_view name) const noexcept;
  /// By what a packed message begins with; any for form 0.
  Codec* find_form(std::uint8_t form) const noexcept;
  /// Ours that comes first among those which the peer takes; null when there is none.
  Codec* choose(std::string_view peers_list) const noexcept;
  Codec& first() const noexcept { return *codecs_.front(); }
  /// As the value of kAcceptKey.
  const std::string& list() const noexcept { return list_; }

 private:
  std::vector<std::unique_ptr<Codec>> codecs_;
  std::string list_;
};

/// Whether a list names it. Spaces around names are allowed; case matters.
bool list_has(std::string_view list, std::string_view name) noexcept;

}  // namespace echostream::compression
