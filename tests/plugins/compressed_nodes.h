// Nodes that compress, and messages for them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "echostream/plugins/compression.h"

#include "tests/support/lab.h"

namespace echostream::testing {

using Encodings = std::vector<Encoding>;
inline const Encodings kNone;
inline const Encodings kZstd{Encoding::kZstd};
inline const Encodings kDeflate{Encoding::kDeflate};
inline const Encodings kBoth{Encoding::kZstd, Encoding::kDeflate};

inline std::shared_ptr<CompressionPlugin> compression(
    const Encodings& encodings,
    const std::function<void(CompressionOptions&)>& change = [](CompressionOptions&) {}) {
  CompressionOptions options;
  options.encodings = encodings;
  change(options);
  auto plugin = make_compression_plugin(std::move(options));
  EXPECT_TRUE(plugin) << plugin.status();
  return *plugin;
}

// Text that compresses well, and is another one for each seed.
inline std::string readings(std::size_t size, int seed = 0) {
  std::string text;
  for (int i = seed; text.size() < size; ++i) {
    text += "joint_" + std::to_string(i % 7) + ": " + std::to_string(i * 37 % 1000) + "\n";
  }
  text.resize(size);
  return text;
}

// Text that does not.
inline std::string noise(std::size_t size, std::uint32_t seed = 1) {
  std::string bytes(size, ' ');
  std::uint32_t x = seed;
  for (char& byte : bytes) {
    x = x * 1664525 + 1013904223;
    byte = static_cast<char>(x >> 24);
  }
  return bytes;
}

inline lab::v1::Text payload(std::string bytes) {
  lab::v1::Text message;
  message.set_payload(std::move(bytes));
  return message;
}

}  // namespace echostream::testing
