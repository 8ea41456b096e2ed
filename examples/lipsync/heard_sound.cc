#include "heard_sound.h"

#include <algorithm>

namespace lipsync {

using echostream::Duration;
using echostream::LocalTime;
using intercom::Samples;

namespace {

// Stretched voice may lack a period of its pitch for a while (time_stretch.h), 15 ms at most. More
// is a hole.
constexpr std::size_t kLeastHole = intercom::kSampleRate / 50;

std::size_t samples_in(Duration duration) {
  return static_cast<std::size_t>(duration / std::chrono::microseconds(1)) *
         (intercom::kSampleRate / 1000) / 1000;
}

}  // namespace

HeardSound::HeardSound(Duration most) : most_samples_(samples_in(most)) {}

void HeardSound::play(LocalTime at, const Samples& samples) {
  if (!start_) start_ = at;
  const std::size_t position = std::min(at > *start_ ? samples_in(at - *start_) : 0, most_samples_);
  if (position > samples_.size() + kLeastHole) samples_.resize(position, 0);
  const std::size_t room = most_samples_ - std::min(most_samples_, samples_.size());
  samples_.insert(samples_.end(), samples.begin(),
                  samples.begin() + static_cast<std::ptrdiff_t>(std::min(room, samples.size())));
}

}  // namespace lipsync
