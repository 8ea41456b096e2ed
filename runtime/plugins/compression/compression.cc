#include "echostream/plugins/compression.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/plugins/compression/packing_layer.h"
#include "runtime/plugins/support/method_pattern.h"

namespace echostream {
namespace {

Status invalid(std::string what) { return {StatusCode::kInvalidArgument, std::move(what)}; }

Status check_encodings(const std::vector<Encoding>& encodings) {
  if (encodings.empty()) return invalid("encodings: name at least one of zstd and deflate");
  for (auto i = encodings.begin(); i != encodings.end(); ++i) {
    if (std::find(encodings.begin(), i, *i) != i) return invalid("encodings: each at most once");
  }
  return Status::ok();
}

Status check(const CompressionOptions& options) {
  if (Status status = check_encodings(options.encodings); !status.is_ok()) return status;
  if (options.zstd_level < 1 || options.zstd_level > 19) {
    return invalid("zstd_level: 1 (fastest) to 19, not " + std::to_string(options.zstd_level));
  }
  if (options.deflate_level < 1 || options.deflate_level > 9) {
    return invalid("deflate_level: 1 (fastest) to 9, not " + std::to_string(options.deflate_level));
  }
  if (options.max_message_bytes == 0 || options.max_message_bytes >= std::size_t{1} << 30) {
    return invalid("max_message_bytes: 1 to 1073741823");
  }
  auto methods = plugins::MethodPatterns::parse(options.methods);
  if (!methods) return methods.error().with_context("methods");
  if (options.except.empty()) return Status::ok();
  auto except = plugins::MethodPatterns::parse(options.except);
  return except ? Status::ok() : except.error().with_context("except");
}

class CompressionPluginImpl final : public CompressionPlugin {
 public:
  explicit CompressionPluginImpl(CompressionOptions options)
      : packer_(std::make_shared<compression::Packer>(std::move(options))) {}

  std::string_view name() const override { return "compression"; }
  CompressionStats stats() const override { return packer_->stats(); }

  bool checks_sessions() const override { return false; }
  Task<Status> on_start(Node& node) override {
    node.add_middleware(compression::make_packing_layer(packer_));
    co_return Status::ok();
  }

 private:
  std::shared_ptr<compression::Packer> packer_;
};

}  // namespace

Result<std::shared_ptr<CompressionPlugin>> make_compression_plugin(CompressionOptions options) {
  if (Status status = check(options); !status.is_ok()) return status;
  return std::shared_ptr<CompressionPlugin>(
      std::make_shared<CompressionPluginImpl>(std::move(options)));
}

}  // namespace echostream
