// The sound as it leaves the loudspeaker: one piece, each moment at its place.
#pragma once

#include <cstddef>
#include <optional>

#include "echostream/base/time.h"

#include "intercom/audio_format.h"

namespace lipsync {

class HeardSound {
 public:
  /// `most`: what comes beyond is not kept.
  explicit HeardSound(echostream::Duration most);

  /// `samples` is heard from `at` on, or from where the sound before ends if that is later. Where
  /// the sound before ends much earlier there is silence between them.
  void play(echostream::LocalTime at, const intercom::Samples& samples);
  /// None before anything was heard.
  std::optional<echostream::LocalTime> start() const noexcept { return start_; }
  const intercom::Samples& samples() const noexcept { return samples_; }

 private:
  std::size_t most_samples_;
  std::optional<echostream::LocalTime> start_;
  intercom::Samples samples_;
};

}  // namespace lipsync
