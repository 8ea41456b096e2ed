// A microphone that plays a recorded voice, over and over, and that tells speech from silence.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "echostream/base/result.h"

#include "audio_format.h"

namespace intercom {

class RecordedVoice {
 public:
  /// Joins WAV files, with a short pause between them.
  static echostream::Result<RecordedVoice> load(const std::vector<std::string>& paths);

  /// The next 20 ms.
  Samples next_frame();
  /// Whether somebody spoke in the last frames that were taken.
  bool is_talking() const noexcept { return quiet_frames_ < kQuietFramesToSilence; }

 private:
  // 0.4 s: pauses between words are not silence.
  static constexpr int kQuietFramesToSilence = 20;

  explicit RecordedVoice(Samples samples) : samples_(std::move(samples)) {}

  Samples samples_;
  std::size_t position_ = 0;
  int quiet_frames_ = kQuietFramesToSilence;
};

}  // namespace intercom
