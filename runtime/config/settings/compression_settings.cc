#include "runtime/config/settings/compression_settings.h"

#include <utility>

#include "echostream/plugins/compression.h"

namespace echostream {
namespace {

Result<Encoding> encoding_from(int encoding) {
  switch (encoding) {
    case config::CompressionSettings::ZSTD:
      return Encoding::kZstd;
    case config::CompressionSettings::DEFLATE:
      return Encoding::kDeflate;
    default:  // proto3 keeps numbers that have no name
      return Status(StatusCode::kInvalidArgument, "encodings: ZSTD or DEFLATE");
  }
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin(const config::CompressionSettings& settings) {
  CompressionOptions options;
  if (settings.encodings_size() > 0) options.encodings.clear();
  for (const int number : settings.encodings()) {
    auto encoding = encoding_from(number);
    if (!encoding) return encoding.error();
    options.encodings.push_back(*encoding);
  }
  if (settings.methods_size() > 0) {
    options.methods.assign(settings.methods().begin(), settings.methods().end());
  }
  options.except.assign(settings.except().begin(), settings.except().end());
  if (settings.has_zstd_level()) options.zstd_level = settings.zstd_level();
  if (settings.has_deflate_level()) options.deflate_level = settings.deflate_level();
  if (settings.has_min_bytes()) options.min_bytes = settings.min_bytes();
  options.peers_take_it = settings.peers_take_it();
  if (settings.has_max_message_bytes()) options.max_message_bytes = settings.max_message_bytes();
  auto plugin = make_compression_plugin(std::move(options));
  if (!plugin) return plugin.error();
  return std::shared_ptr<Plugin>(*std::move(plugin));
}

}  // namespace echostream
