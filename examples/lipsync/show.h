// What is played on the stage: recorded voices, and a face that speaks them. Starts over when the
// recordings are over.
#pragma once

#include <string>
#include <vector>

#include "echostream/base/result.h"

#include "intercom/audio_format.h"
#include "loudness.h"
#include "picture.h"

namespace lipsync {

class Show {
 public:
  /// Joins WAV files (48 kHz, mono, 16 bit), with a short pause behind each.
  static echostream::Result<Show> load(const std::vector<std::string>& paths);
  /// The same from memory. Not empty.
  explicit Show(intercom::Samples sound);

  /// `frame` counts stretches of 20 ms since the beginning.
  intercom::Samples sound(std::uint64_t frame) const;
  /// Shows the mouth by the sound up to that moment.
  Picture picture(std::uint64_t index) const;

 private:
  intercom::Samples sound_;
  LoudnessCurve loudness_;
};

}  // namespace lipsync
