// The one audio format of this example.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "echostream/base/time.h"

namespace intercom {

constexpr int kSampleRate = 48'000;
constexpr std::size_t kSamplesPerFrame = 960;
constexpr echostream::Duration kFrameLength = std::chrono::milliseconds(20);

/// An hour: what comes after that is neither recorded nor logged, so that memory stays bounded.
constexpr std::size_t kMostFrames = 180'000;

/// 16 bit, mono.
using Samples = std::vector<std::int16_t>;

}  // namespace intercom
