#include "runtime/plugins/compression/packer.h"

#include <algorithm>
#include <utility>

namespace echostream::compression {

using plugins::MethodPatterns;

Packer::Packer(CompressionOptions options)
    : options_(std::move(options)),
      methods_(*MethodPatterns::parse(options_.methods)),
      codecs_(options_) {
  if (!options_.except.empty()) except_ = *MethodPatterns::parse(options_.except);
}

bool Packer::is_compressed(const MethodInfo& method) const {
  return methods_.matches(method.full_name) && !(except_ && except_->matches(method.full_name));
}

bool Packer::pays(const Buffer& message, Codec& codec, const MethodInfo& method) {
  // A receiver that is set up as we are would refuse more.
  const bool is_fit =
      message.size() >= options_.min_bytes && message.size() <= options_.max_message_bytes;
  return is_fit && !compress(message, codec, method).empty();
}

Buffer Packer::pack(const Buffer& message, Codec& codec, const MethodInfo& method) {
  return pays(message, codec, method) ? last_.packed : pack_plain(message);
}

const Buffer& Packer::compress(const Buffer& message, Codec& codec, const MethodInfo& method) {
  if (!last_.is(message, codec)) {
    last_.packed = try_to_compress(message, codec, histories_[&method]);
    last_.message = message;
    last_.codec = &codec;
  }
  return last_.packed;
}

Buffer Packer::try_to_compress(const Buffer& message, Codec& codec, History& history) {
  constexpr std::uint32_t kMostDoublings = 6;
  if (history.to_skip > 0) {
    --history.to_skip;
    ++stats_.not_tried;
    return {};
  }
  Buffer packed = pack_compressed(message, codec, scratch_);
  if (packed.empty()) {
    ++stats_.incompressible;
    history.failures = std::min(history.failures + 1, kMostDoublings);
    history.to_skip = 1U << history.failures;
    return {};
  }
  history = {};
  ++stats_.compressed;
  stats_.bytes_before += message.size();
  stats_.bytes_after += packed.size();
  return packed;
}

Result<Buffer> Packer::unpack(const Buffer& packed, Codec& codec) {
  const bool is_plain = !packed.empty() && packed.view()[0] == 0;
  auto message = compression::unpack(packed, codec, options_.max_message_bytes);
  if (!message) {
    ++stats_.refused;
  } else if (!is_plain) {
    ++stats_.decompressed;
  }
  return message;
}

}  // namespace echostream::compression
