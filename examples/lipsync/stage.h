// Plays one show, over and over, to whoever takes a seat. All seats see the same show: it runs from
// the stage's beginning on, watched or not.
#pragma once

#include "echostream/loop.h"

#include "lipsync.echostream.h"
#include "show.h"

namespace lipsync {

/// What one ticket is good for at most.
constexpr echostream::Duration kLongestShow = std::chrono::minutes(10);

/// By how much decoded sound is behind the sound that was encoded: 312 samples, which Opus looks
/// ahead (OPUS_GET_LOOKAHEAD for voice at 48 kHz). Frames are stamped that much earlier, or the
/// sound would be behind the picture by it.
constexpr echostream::Duration kCodecDelay = std::chrono::microseconds(6500);

class Stage final : public v1::Stage::Handler {
 public:
  Stage(echostream::Loop& loop, Show show);

  echostream::Task<echostream::Status> Voice(echostream::Call& call, v1::Ticket ticket,
                                             echostream::Writer<v1::VoiceFrame> out) override;
  echostream::Task<echostream::Status> Video(echostream::Call& call, v1::Ticket ticket,
                                             echostream::Writer<v1::PictureFrame> out) override;
  echostream::Task<echostream::Status> VoiceAlone(echostream::Call& call, v1::Ticket ticket,
                                                  echostream::Writer<v1::VoiceFrame> out) override;
  echostream::Task<echostream::Status> VideoAlone(
      echostream::Call& call, v1::Ticket ticket, echostream::Writer<v1::PictureFrame> out) override;

 private:
  echostream::Task<echostream::Status> speak(v1::Ticket ticket,
                                             echostream::Writer<v1::VoiceFrame> out);
  echostream::Task<echostream::Status> film(v1::Ticket ticket,
                                            echostream::Writer<v1::PictureFrame> out);

  echostream::Loop& loop_;
  Show show_;
  echostream::LocalTime opening_;
};

}  // namespace lipsync
