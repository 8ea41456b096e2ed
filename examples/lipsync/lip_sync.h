// Measures by how much a picture is behind the sound, or before it, from what is seen and heard
// alone: the shift at which the mouth fits the voice best.
#pragma once

#include <optional>
#include <span>

#include "echostream/base/time.h"

#include "loudness.h"

namespace lipsync {

struct ShownMouth {
  /// Since the beginning of the sound.
  echostream::Duration at{};
  double opening = 0;
};

struct LipSync {
  /// Positive: the sound is heard first.
  double picture_behind_ms = 0;
  /// Of mouth and loudness when shifted by that, -1 to 1.
  double correlation = 0;
};

/// Looks for shifts up to half a second. None when there is too little to compare, or nothing moves
/// or sounds.
std::optional<LipSync> measure_lip_sync(const LoudnessCurve& heard,
                                        std::span<const ShownMouth> shown);

}  // namespace lipsync
