// One call's voices: speaks 20 ms frames into a stream and plays out what comes back. Both stations
// run the same code.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "echostream/loop.h"
#include "echostream/session.h"
#include "echostream/stream.h"

#include "clock_watch.h"
#include "intercom.echostream.h"
#include "recorded_voice.h"
#include "voice_codec.h"
#include "voice_log.h"
#include "voice_player.h"

namespace intercom {

struct ConversationOptions {
  std::string station;
  /// WAV files that are spoken, one after the other, over and over.
  std::vector<std::string> voice;
  /// Of the jitter buffer; none: as intercom.proto says.
  std::optional<echostream::PlayoutProfile> profile;
  /// How long to speak, for the caller; the one who answers speaks until the caller is done.
  std::optional<echostream::Duration> length;
  /// The microphone is muted from then on, for that long.
  echostream::Duration mute_at{};
  echostream::Duration mute_for{};
  /// What was heard, as WAV, and what became of each frame, as CSV; empty: not kept.
  std::string record_path;
  std::string csv_path;
};

class Conversation {
 public:
  static echostream::Result<std::unique_ptr<Conversation>> make(echostream::Loop& loop,
                                                                const echostream::Session& peer,
                                                                const ConversationOptions& options,
                                                                std::uint32_t bitrate_bits_per_s);

  /// Until both have said everything and all was played out. Once.
  echostream::Task<echostream::Status> run(echostream::Reader<v1::VoiceFrame> in,
                                           echostream::Writer<v1::VoiceFrame> out);
  /// The part of the report that is about voice and clock.
  v1::CallReport report() const;
  /// Writes the recording and the CSV.
  echostream::Status save() const;

 private:
  Conversation(echostream::Loop& loop, const echostream::Session& peer,
               const ConversationOptions& options, RecordedVoice voice, VoiceEncoder encoder,
               VoicePlayer player);

  echostream::Task<echostream::Status> speak();
  echostream::Task<echostream::Status> send_frame(echostream::LocalTime captured_at, bool muted);
  echostream::Task<echostream::Status> tell_microphone(bool muted);
  void heed_feedback();
  echostream::Task<echostream::Status> listen();
  void play(const VoiceLog::Step& step);
  void play_filler(echostream::Duration length);
  void record(const Samples& samples);
  std::size_t room() const;
  echostream::Task<echostream::Status> tell_figures();
  void tell_clock(const char* when) const;

  echostream::Loop& loop_;
  v1::Intercom::Client peer_;
  ConversationOptions options_;
  RecordedVoice voice_;
  VoiceEncoder encoder_;
  VoicePlayer player_;
  ClockWatch clock_;
  VoiceLog log_;
  Samples heard_;
  echostream::Reader<v1::VoiceFrame> reader_;
  echostream::Writer<v1::VoiceFrame> writer_;
  v1::Microphone microphone_;
  std::uint64_t frames_sent_ = 0;
  /// What share of our frames does not arrive, and when we last heard of it.
  double expected_loss_ = 0;
  echostream::LocalTime feedback_at_{};
  bool all_is_heard_ = false;
  echostream::WaitPoint changed_;
};

}  // namespace intercom
