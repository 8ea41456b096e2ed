#include "runtime/plugins/compression/codec_set.h"

namespace echostream::compression {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::unique_ptr<Codec> make_codec(Encoding encoding, const CompressionOptions& options) {
  switch (encoding) {
    case Encoding::kZstd:
      return make_zstd_codec(options.zstd_level);
    case Encoding::kDeflate:
      return make_deflate_codec(options.deflate_level);
  }
  return nullptr;
}

}  // namespace

CodecSet::CodecSet(const CompressionOptions& options) {
  for (const Encoding encoding : options.encodings) {
    codecs_.push_back(make_codec(encoding, options));
    if (!list_.empty()) list_ += ',';
    list_ += codecs_.back()->name();
  }
}

Codec* CodecSet::find(std::string_view name) const noexcept {
  for (const auto& codec : codecs_) {
    if (codec->name() == name) return codec.get();
  }
  return nullptr;
}

Codec* CodecSet::find_form(std::uint8_t form) const noexcept {
  for (const auto& codec : codecs_) {
    if (form == 0 || codec->form() == form) return codec.get();
  }
  return nullptr;
}

Codec* CodecSet::choose(std::string_view peers_list) const noexcept {
  for (const auto& codec : codecs_) {
    if (list_has(peers_list, codec->name())) return codec.get();
  }
  return nullptr;
}

bool list_has(std::string_view list, std::string_view name) noexcept {
  while (true) {
    const std::size_t comma = list.find(',');
    if (trimmed(list.substr(0, comma)) == name) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace echostream::compression
