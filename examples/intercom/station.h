// One intercom station: serves Intercom, and knows whether it is in a call and with whom.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "echostream/node.h"

#include "conversation.h"
#include "intercom.echostream.h"

namespace intercom {

struct StationOptions {
  /// Its name is conversation.station.
  ConversationOptions conversation;
  /// How long it rings until somebody answers.
  echostream::Duration answer_after = std::chrono::milliseconds(700);
  std::uint32_t most_bitrate_bits_per_s = 32'000;
  /// How long it speaks when it is the caller. The one who answers speaks as long as the caller.
  echostream::Duration call_length = std::chrono::seconds(12);
  /// Where all messages are recorded (session_recording.h); empty: nowhere.
  std::string recording_path;
};

class Station final : public v1::Intercom::Handler {
 public:
  Station(echostream::Loop& loop, StationOptions options);

  echostream::Task<echostream::Result<v1::RingReply>> Ring(echostream::Call& call,
                                                           v1::RingRequest request) override;
  echostream::Task<echostream::Result<v1::CallReport>> HangUp(echostream::Call& call,
                                                              v1::CallReport report) override;
  echostream::Task<echostream::Status> MicrophoneChanged(echostream::Call& call,
                                                         v1::Microphone event) override;
  bool StateChanged(const v1::StateFilter& filter, const v1::StationState& event) override;
  echostream::Task<echostream::Status> Voice(echostream::Call& call,
                                             echostream::Reader<v1::VoiceFrame> in,
                                             echostream::Writer<v1::VoiceFrame> out) override;

  /// Subscribes to the peer's state and tells each change, until the session ends.
  echostream::Task<void> follow(echostream::Session peer);
  /// Calls the peer, speaks, hangs up; gives the peer's report. Ours is in last_report() then.
  echostream::Task<echostream::Result<v1::CallReport>> call(echostream::Session peer);
  /// Ends the call that was on that session.
  void handle_session_closed(const echostream::Session& session);
  /// Waits until that many calls have ended, or stop() was called.
  echostream::Task<void> wait_for_calls(std::uint64_t count);
  void stop();

  const std::string& name() const noexcept { return options_.conversation.station; }
  const v1::CallReport& last_report() const noexcept { return last_report_; }

 private:
  void tell(const std::string& text) const;
  void set_state(v1::StationState::Phase phase, const std::string& with);
  echostream::Status refuse(const std::string& caller);
  echostream::Result<v1::Codec> agree(const v1::Codec& offered) const;
  void end_call();
  echostream::Task<echostream::Status> converse(echostream::Session peer,
                                                std::optional<echostream::Duration> length,
                                                echostream::Reader<v1::VoiceFrame> in,
                                                echostream::Writer<v1::VoiceFrame> out);

  echostream::Loop& loop_;
  StationOptions options_;
  v1::StationState state_;
  std::optional<echostream::Session> in_call_with_;
  std::uint32_t bitrate_bits_per_s_ = 0;
  bool voices_run_ = false;
  v1::CallReport last_report_;
  std::uint64_t answered_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t events_received_ = 0;
  std::uint64_t ended_ = 0;
  bool stopped_ = false;
  echostream::WaitPoint changed_;
};

}  // namespace intercom
