// Media frames that carry the time they were sent, and how old they are where they arrive. Both
// ends of a connection read the same clock: they run on one machine.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

/// As voice and video at 50 pictures a second have them.
inline constexpr std::chrono::milliseconds kFrameInterval{20};

/// Frames of 160 to 1200 bytes, each size as likely as any other, the same ones in every run.
class MediaFrames {
 public:
  /// One that was sent now.
  std::string next();

 private:
  std::uint32_t state_ = 1;
};

/// How long a frame of MediaFrames has been under way; negative for what is none.
double frame_age_us(std::string_view frame);

}  // namespace bench
