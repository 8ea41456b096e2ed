#include "echostream/plugins/compression.h"

#include <gtest/gtest.h>

namespace echostream {
namespace {

Status status_of(const CompressionOptions& options) {
  auto plugin = make_compression_plugin(options);
  return plugin ? Status::ok() : plugin.error();
}

void expect_refused(const CompressionOptions& options, std::string_view names) {
  const Status status = status_of(options);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(status.message().starts_with(names)) << status;
}

TEST(CompressionOptions, AreCheckedAndTheErrorNamesTheField) {
  EXPECT_TRUE(status_of({}).is_ok());
  CompressionOptions options;
  options.encodings = {};
  expect_refused(options, "encodings");
  options.encodings = {Encoding::kZstd, Encoding::kZstd};
  expect_refused(options, "encodings");
  options = {};
  for (const int level : {0, 20, -1}) {
    options.zstd_level = level;
    expect_refused(options, "zstd_level");
  }
  options = {};
  for (const int level : {0, 10}) {
    options.deflate_level = level;
    expect_refused(options, "deflate_level");
  }
  options = {};
  options.max_message_bytes = 0;
  expect_refused(options, "max_message_bytes");
  options = {};
  options.methods = {"acme.v1.Robot"};
  expect_refused(options, "methods: 'acme.v1.Robot'");
  options = {};
  options.except = {"*.Robot/Grip"};
  expect_refused(options, "except");
}

}  // namespace
}  // namespace echostream
