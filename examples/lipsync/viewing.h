// One look at the show from a seat: plays both tracks, and notes what was heard and seen when.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/loop.h"
#include "echostream/session.h"

#include "heard_sound.h"
#include "intercom/voice_player.h"
#include "lip_sync.h"
#include "lipsync.echostream.h"
#include "picture_codec.h"
#include "track_log.h"

namespace lipsync {

/// A track as it arrived and was played.
struct Track {
  TrackLog log;
  echostream::JitterBufferStats buffer;
};

class Viewing {
 public:
  struct Options {
    /// At most kLongestShow.
    echostream::Duration length = std::chrono::seconds(10);
    /// Both tracks in the sync group, or each by itself.
    bool in_sync_group = true;
  };

  static echostream::Result<std::unique_ptr<Viewing>> make(echostream::Loop& loop,
                                                           const echostream::Session& stage,
                                                           const Options& options);

  /// Until the show is over. Once.
  echostream::Task<echostream::Status> run();

  const Options& options() const noexcept { return options_; }
  const Track& voice() const noexcept { return voice_; }
  const Track& video() const noexcept { return video_; }
  const intercom::Samples& heard() const noexcept { return heard_.samples(); }
  /// What the session says about the group; none without one.
  const std::optional<echostream::SyncGroupStats>& group() const noexcept { return group_; }
  /// Of each picture that was shown.
  std::vector<std::optional<echostream::Duration>> skews() const;
  std::optional<LipSync> lip_sync() const;
  /// PREFIX_voice.csv, PREFIX_video.csv and PREFIX_heard.wav.
  echostream::Status save(const std::string& prefix) const;

 private:
  struct Seen {
    echostream::LocalTime at;
    double mouth;
  };

  Viewing(echostream::Loop& loop, const echostream::Session& stage, const Options& options,
          intercom::VoicePlayer player);
  echostream::Task<echostream::Status> listen(echostream::Reader<v1::VoiceFrame> in);
  echostream::Task<echostream::Status> watch(echostream::Reader<v1::PictureFrame> in);
  echostream::Task<echostream::Status> tell();
  template <class T>
  PlayedFrame note(const echostream::Frame<T>& frame) const;
  void ask_group();
  void end_track();
  std::string figures() const;

  echostream::Loop& loop_;
  echostream::Session stage_;
  Options options_;
  echostream::LocalTime start_;
  intercom::VoicePlayer player_;
  PictureDecoder decoder_;
  HeardSound heard_;
  std::vector<Seen> seen_;
  Track voice_;
  Track video_;
  std::optional<echostream::SyncGroupStats> group_;
  int tracks_running_ = 2;
  echostream::WaitPoint track_ended_;
};

}  // namespace lipsync
