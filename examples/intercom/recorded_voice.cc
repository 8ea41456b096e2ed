#include "recorded_voice.h"

#include <algorithm>
#include <cmath>

#include "wav_file.h"

namespace intercom {

using echostream::Result;
using echostream::Status;
using echostream::StatusCode;

namespace {

// Half a second between two recordings.
constexpr std::size_t kPauseSamples = kSampleRate / 2;
// About -40 dB of full scale: above the noise of a quiet room, below any speech.
constexpr double kSpeechLevel = 330;

double level_of(const Samples& samples) {
  double sum = 0;
  for (const std::int16_t sample : samples) sum += static_cast<double>(sample) * sample;
  return std::sqrt(sum / static_cast<double>(samples.size()));
}

}  // namespace

Result<RecordedVoice> RecordedVoice::load(const std::vector<std::string>& paths) {
  Samples joined;
  for (const std::string& path : paths) {
    auto samples = read_wav(path);
    if (!samples) return samples.error();
    joined.insert(joined.end(), samples->begin(), samples->end());
    joined.insert(joined.end(), kPauseSamples, 0);
  }
  if (joined.empty()) {
    return Status(StatusCode::kInvalidArgument, "a station needs a voice: at least one WAV file");
  }
  return RecordedVoice(std::move(joined));
}

Samples RecordedVoice::next_frame() {
  Samples frame(kSamplesPerFrame);
  for (std::int16_t& sample : frame) {
    sample = samples_[position_];
    position_ = (position_ + 1) % samples_.size();
  }
  quiet_frames_ =
      level_of(frame) >= kSpeechLevel ? 0 : std::min(quiet_frames_ + 1, kQuietFramesToSilence);
  return frame;
}

}  // namespace intercom
