#include "station.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "console.h"

namespace intercom {

using echostream::Call;
using echostream::Duration;
using echostream::Reader;
using echostream::Result;
using echostream::Session;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;
using echostream::WaitResult;
using echostream::Writer;

namespace {

constexpr std::uint32_t kLeastBitrate = 6'000;
constexpr std::size_t kLongestName = 40;

// Names come from the peer and go to our terminal.
bool is_station_name(const std::string& name) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  return !name.empty() && name.size() <= kLongestName &&
         std::all_of(name.begin(), name.end(), allowed);
}

std::string describe(const v1::StationState& state) {
  switch (state.phase()) {
    case v1::StationState::IDLE:
      return "is idle";
    case v1::StationState::RINGING:
      return "is ringing, called by " + state.with();
    case v1::StationState::IN_CALL:
      return "is in a call with " + state.with();
    default:
      return "is in a state that this version does not know";
  }
}

}  // namespace

Station::Station(echostream::Loop& loop, StationOptions options)
    : loop_(loop), options_(std::move(options)) {
  set_state(v1::StationState::IDLE, "");
}

void Station::tell(const std::string& text) const { say(loop_, name(), text); }

void Station::set_state(v1::StationState::Phase phase, const std::string& with) {
  state_.set_station(name());
  state_.set_phase(phase);
  state_.set_with(with);
  PublishStateChanged(state_);
}

// ---- Being called.

Status Station::refuse(const std::string& caller) {
  ++refused_;
  tell("refuses " + caller + ": " + describe(state_));
  return {StatusCode::kFailedPrecondition, name() + " " + describe(state_)};
}

Result<v1::Codec> Station::agree(const v1::Codec& offered) const {
  if (offered.sample_rate() != kSampleRate || offered.channels() != 1 ||
      offered.frame_ms() != kFrameLength / std::chrono::milliseconds(1) ||
      offered.bitrate_bits_per_s() < kLeastBitrate) {
    return Status(StatusCode::kInvalidArgument,
                  name() + " takes voice of 48000 Hz, 1 channel, 20 ms frames, 6000 bit/s or more");
  }
  v1::Codec agreed = offered;
  agreed.set_bitrate_bits_per_s(
      std::min(offered.bitrate_bits_per_s(), options_.most_bitrate_bits_per_s));
  return agreed;
}

Task<Result<v1::RingReply>> Station::Ring(Call& call, v1::RingRequest request) {
  if (!is_station_name(request.from())) {
    co_return Status(StatusCode::kInvalidArgument,
                     "a station's name is 1 to 40 letters, digits, '-' or '_'");
  }
  if (state_.phase() != v1::StationState::IDLE) co_return refuse(request.from());
  auto codec = agree(request.codec());
  if (!codec) co_return codec.error();

  in_call_with_ = call.peer();
  set_state(v1::StationState::RINGING, request.from());
  tell("rings: " + request.from() + " calls");
  const WaitResult waited = co_await echostream::sleep_for(options_.answer_after);
  if (waited == WaitResult::kCancelled || !in_call_with_) {
    end_call();
    co_return Status(StatusCode::kCancelled, "the caller gave up");
  }
  ++answered_;
  bitrate_bits_per_s_ = codec->bitrate_bits_per_s();
  set_state(v1::StationState::IN_CALL, request.from());
  tell("answers " + request.from() + " (Opus, " + std::to_string(bitrate_bits_per_s_ / 1000) +
       " kbit/s)");
  v1::RingReply reply;
  reply.set_by(name());
  *reply.mutable_codec() = *codec;
  co_return reply;
}

Task<Status> Station::Voice(Call& call, Reader<v1::VoiceFrame> in, Writer<v1::VoiceFrame> out) {
  if (in_call_with_ != call.peer() || state_.phase() != v1::StationState::IN_CALL || voices_run_) {
    co_return Status(StatusCode::kFailedPrecondition, "one Voice stream for each answered Ring");
  }
  Status status = co_await converse(call.peer(), std::nullopt, std::move(in), std::move(out));
  co_return status;
}

Task<Result<v1::CallReport>> Station::HangUp(Call& call, v1::CallReport report) {
  if (in_call_with_ != call.peer() || state_.phase() != v1::StationState::IN_CALL) {
    co_return Status(StatusCode::kFailedPrecondition, "there is no call to hang up");
  }
  tell(report.station() + " hangs up");
  last_report_.set_calls_answered(answered_);
  last_report_.set_calls_refused(refused_);
  last_report_.set_events_received(events_received_);
  end_call();
  co_return last_report_;
}

Task<Status> Station::MicrophoneChanged(Call& call, v1::Microphone event) {
  ++events_received_;
  if (in_call_with_ == call.peer()) {
    tell("hears that " + state_.with() + " " +
         (event.muted()     ? "is muted"
          : event.talking() ? "talks"
                            : "is silent"));
  }
  co_return Status::ok();
}

bool Station::StateChanged(const v1::StateFilter& filter, const v1::StationState& event) {
  const auto& phases = filter.phases();
  return phases.empty() || std::find(phases.begin(), phases.end(), event.phase()) != phases.end();
}

// ---- Calling.

Task<Result<v1::CallReport>> Station::call(Session peer) {
  auto other = peer.client<v1::Intercom>();
  v1::RingRequest request;
  request.set_from(name());
  request.mutable_codec()->set_sample_rate(kSampleRate);
  request.mutable_codec()->set_channels(1);
  request.mutable_codec()->set_frame_ms(20);
  request.mutable_codec()->set_bitrate_bits_per_s(options_.most_bitrate_bits_per_s);
  auto answer = co_await other.Ring(request);
  if (!answer) co_return answer.error();
  in_call_with_ = peer;
  bitrate_bits_per_s_ = answer->codec().bitrate_bits_per_s();
  set_state(v1::StationState::IN_CALL, answer->by());

  auto voices = co_await other.Voice();
  Status spoken = co_await converse(peer, options_.call_length, std::move(voices.reader),
                                    std::move(voices.writer));
  last_report_.set_events_received(events_received_);
  end_call();
  if (!spoken.is_ok()) co_return spoken;
  auto theirs = co_await other.HangUp(last_report_);
  co_return theirs;
}

// ---- Both.

Task<Status> Station::converse(Session peer, std::optional<Duration> length,
                               Reader<v1::VoiceFrame> in, Writer<v1::VoiceFrame> out) {
  ConversationOptions options = options_.conversation;
  options.length = length;
  auto conversation = Conversation::make(loop_, peer, options, bitrate_bits_per_s_);
  if (!conversation) co_return conversation.error();
  voices_run_ = true;
  Status status = co_await (*conversation)->run(std::move(in), std::move(out));
  last_report_ = (*conversation)->report();
  Status saved = (*conversation)->save();
  co_return status.is_ok() ? saved : status;
}

Task<void> Station::follow(Session peer) {
  auto states = co_await peer.client<v1::Intercom>().StateChanged(v1::StateFilter());
  while (auto frame = co_await states.next()) {
    ++events_received_;
    if (is_station_name(frame->message.station())) {
      tell("sees that " + frame->message.station() + " " + describe(frame->message));
    }
  }
}

void Station::end_call() {
  if (!in_call_with_) return;
  in_call_with_.reset();
  voices_run_ = false;
  ++ended_;
  set_state(v1::StationState::IDLE, "");
  changed_.notify_all();
}

void Station::handle_session_closed(const Session& session) {
  if (in_call_with_ == session) end_call();
}

Task<void> Station::wait_for_calls(std::uint64_t count) {
  while (ended_ < count && !stopped_) {
    const WaitResult waited = co_await changed_.wait();
    if (waited == WaitResult::kCancelled) co_return;
  }
}

void Station::stop() {
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace intercom
