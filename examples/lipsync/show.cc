#include "show.h"

#include <utility>

#include "echostream/base/check.h"

#include "intercom/wav_file.h"

namespace lipsync {

using echostream::Result;
using echostream::Status;
using echostream::StatusCode;
using intercom::Samples;

namespace {

// Half a second. Longer than the loudness looks back, so that it need not look over the seam.
constexpr std::size_t kPauseSamples = intercom::kSampleRate / 2;

}  // namespace

Result<Show> Show::load(const std::vector<std::string>& paths) {
  Samples sound;
  for (const std::string& path : paths) {
    auto recording = intercom::read_wav(path);
    if (!recording) return recording.error();
    sound.insert(sound.end(), recording->begin(), recording->end());
    sound.insert(sound.end(), kPauseSamples, 0);
  }
  if (sound.empty()) {
    return Status(StatusCode::kInvalidArgument, "a show needs a voice: at least one WAV file");
  }
  return Show(std::move(sound));
}

Show::Show(Samples sound) : sound_(std::move(sound)), loudness_(sound_) {
  ECHOSTREAM_CHECK(!sound_.empty(), "a show needs a sound");
}

Samples Show::sound(std::uint64_t frame) const {
  Samples samples(intercom::kSamplesPerFrame);
  std::uint64_t position = frame * intercom::kSamplesPerFrame % sound_.size();
  for (std::int16_t& sample : samples) {
    sample = sound_[position];
    position = (position + 1) % sound_.size();
  }
  return samples;
}

Picture Show::picture(std::uint64_t index) const {
  const std::uint64_t samples = index * intercom::kSampleRate / kPicturesPerSecond;
  return draw_face(loudness_.before(samples % sound_.size()), picture_position(index));
}

}  // namespace lipsync
