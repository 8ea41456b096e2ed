#include "conversation.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "console.h"
#include "playout_profile.h"
#include "wav_file.h"

namespace intercom {

using echostream::Duration;
using echostream::LocalTime;
using echostream::Loop;
using echostream::Reader;
using echostream::Result;
using echostream::Session;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;
using echostream::WaitResult;
using echostream::Writer;

namespace {

constexpr Duration kFiguresEvery = std::chrono::seconds(3);
// VoicePlayer makes that much filler at once.
constexpr Duration kMostFiller = std::chrono::seconds(10);
// Five reports a second of ten frames each: one frame lost in a report is 10 % and says nothing. So
// the loss of the last 5 s or so counts.
constexpr double kFeedbackWeight = 0.04;

Status cancelled() { return {StatusCode::kCancelled, "the call was broken off"}; }

}  // namespace

Result<std::unique_ptr<Conversation>> Conversation::make(Loop& loop, const Session& peer,
                                                         const ConversationOptions& options,
                                                         std::uint32_t bitrate_bits_per_s) {
  auto voice = RecordedVoice::load(options.voice);
  if (!voice) return voice.error();
  auto encoder = VoiceEncoder::make(bitrate_bits_per_s);
  if (!encoder) return encoder.error();
  auto player = VoicePlayer::make();
  if (!player) return player.error();
  return std::unique_ptr<Conversation>(new Conversation(loop, peer, options, *std::move(voice),
                                                        *std::move(encoder), *std::move(player)));
}

Conversation::Conversation(Loop& loop, const Session& peer, const ConversationOptions& options,
                           RecordedVoice voice, VoiceEncoder encoder, VoicePlayer player)
    : loop_(loop),
      peer_(peer.client<v1::Intercom>()),
      options_(options),
      voice_(std::move(voice)),
      encoder_(std::move(encoder)),
      player_(std::move(player)),
      clock_(peer) {}

Task<Status> Conversation::run(Reader<v1::VoiceFrame> in, Writer<v1::VoiceFrame> out) {
  reader_ = std::move(in);
  writer_ = std::move(out);
  if (options_.profile) {
    Status chosen = reader_.set_jitter_buffer(voice_buffer(options_.profile));
    if (!chosen.is_ok()) co_return chosen;
  }
  auto [spoken, heard, told] = co_await echostream::when_all(speak(), listen(), tell_figures());
  tell_clock("at the end");
  for (const Status& status : {heard, spoken, told}) {
    if (!status.is_ok()) co_return status;
  }
  co_return Status::ok();
}

Task<Status> Conversation::speak() {
  const LocalTime start = loop_.now();
  const auto most =
      options_.length ? *options_.length / kFrameLength : std::numeric_limits<Duration::rep>::max();
  for (Duration::rep i = 1; i <= most && !all_is_heard_; ++i) {
    // A frame is captured when its last sample is.
    const Duration spoken_for = i * kFrameLength;
    const WaitResult waited = co_await echostream::sleep_until(start + spoken_for);
    if (waited == WaitResult::kCancelled) co_return cancelled();
    const bool muted =
        spoken_for > options_.mute_at && spoken_for <= options_.mute_at + options_.mute_for;
    Status sent = co_await send_frame(start + spoken_for, muted);
    if (!sent.is_ok()) co_return sent.with_context("speaking");
  }
  if (!options_.length) co_return Status::ok();  // the one who answers ends with its handler
  Status finished = co_await writer_.finish();
  co_return finished;
}

Task<Status> Conversation::send_frame(LocalTime captured_at, bool muted) {
  Samples samples = voice_.next_frame();
  if (muted) std::fill(samples.begin(), samples.end(), std::int16_t{0});
  Status told = co_await tell_microphone(muted);
  if (!told.is_ok()) co_return told;
  heed_feedback();
  auto opus = encoder_.encode(samples);
  if (!opus) co_return opus.error();
  v1::VoiceFrame frame;
  frame.set_opus(*std::move(opus));
  ++frames_sent_;
  Status written = co_await writer_.write(std::move(frame), {.capture_time = captured_at});
  co_return written;
}

// An event when somebody begins or stops to talk, or the microphone is muted or not any more.
Task<Status> Conversation::tell_microphone(bool muted) {
  const bool talking = voice_.is_talking() && !muted;
  if (microphone_.muted() == muted && microphone_.talking() == talking) co_return Status::ok();
  microphone_.set_muted(muted);
  microphone_.set_talking(talking);
  Status sent = co_await peer_.MicrophoneChanged(microphone_);
  co_return sent;
}

// A codec that knows how much gets lost leans less on what came before, and sends some things
// twice.
void Conversation::heed_feedback() {
  const auto feedback = writer_.feedback();
  if (!feedback || feedback->received_at == feedback_at_) return;
  feedback_at_ = feedback->received_at;
  expected_loss_ += kFeedbackWeight * (feedback->recent_loss - expected_loss_);
  encoder_.expect_loss(expected_loss_);
}

// Frames and gaps come when they are to be heard, and follow each other without a hole.
Task<Status> Conversation::listen() {
  while (auto step = co_await reader_.next_playout()) {
    log_.add(*step, reader_.jitter_buffer_stats());
    play(*step);
    changed_.notify_all();
  }
  log_.add_lost_at_end(reader_.lost_at_end());
  all_is_heard_ = true;
  changed_.notify_all();
  co_return reader_.status();
}

void Conversation::play(const VoiceLog::Step& step) {
  if (step.frame) {
    record(player_.play(step.frame->message.opus(), step.duration));
  } else {
    play_filler(step.duration);
  }
}

void Conversation::play_filler(Duration length) {
  while (length > Duration::zero() && room() > 0) {
    const Duration piece = std::min(length, kMostFiller);
    record(player_.conceal(piece));
    length -= piece;
  }
}

// The loudspeaker is a file.
void Conversation::record(const Samples& samples) {
  const std::size_t count = std::min(samples.size(), room());
  heard_.insert(heard_.end(), samples.begin(),
                samples.begin() + static_cast<std::ptrdiff_t>(count));
}

std::size_t Conversation::room() const { return kMostFrames * kSamplesPerFrame - heard_.size(); }

Task<Status> Conversation::tell_figures() {
  LocalTime next = loop_.now() + kFiguresEvery;
  while (!all_is_heard_) {
    if (clock_.look()) tell_clock("at the start");
    const WaitResult waited = co_await changed_.wait(next);
    if (waited == WaitResult::kCancelled) co_return cancelled();
    if (waited == WaitResult::kNotified) continue;
    say(loop_, options_.station, log_.summary());
    next += kFiguresEvery;
  }
  co_return Status::ok();
}

void Conversation::tell_clock(const char* when) const {
  if (!clock_.latest()) return;
  say(loop_, options_.station,
      std::string("the other's clock ") + when + ": " + describe(*clock_.latest()));
}

v1::CallReport Conversation::report() const {
  v1::CallReport report;
  report.set_station(options_.station);
  report.set_frames_sent(frames_sent_);
  report.set_profile(profile_name(voice_buffer(options_.profile).profile));
  log_.describe(report);
  clock_.describe(report);
  return report;
}

Status Conversation::save() const {
  if (!options_.csv_path.empty()) {
    Status written = log_.write_csv(options_.csv_path);
    if (!written.is_ok()) return written;
  }
  if (options_.record_path.empty()) return Status::ok();
  return write_wav(options_.record_path, heard_);
}

}  // namespace intercom
