#include "conversation.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "console.h"
#include "wav_file.h"

namespace intercom {

using echostream::Duration;
using echostream::Frame;
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

Status cancelled() { return {StatusCode::kCancelled, "the call was broken off"}; }

}  // namespace

Result<std::unique_ptr<Conversation>> Conversation::make(Loop& loop, const Session& peer,
                                                         const ConversationOptions& options,
                                                         std::uint32_t bitrate_bits_per_s) {
  auto voice = RecordedVoice::load(options.voice);
  if (!voice) return voice.error();
  auto encoder = VoiceEncoder::make(bitrate_bits_per_s);
  if (!encoder) return encoder.error();
  auto decoder = VoiceDecoder::make();
  if (!decoder) return decoder.error();
  return std::unique_ptr<Conversation>(new Conversation(loop, peer, options, *std::move(voice),
                                                        *std::move(encoder), *std::move(decoder)));
}

Conversation::Conversation(Loop& loop, const Session& peer, const ConversationOptions& options,
                           RecordedVoice voice, VoiceEncoder encoder, VoiceDecoder decoder)
    : loop_(loop),
      peer_(peer.client<v1::Intercom>()),
      options_(options),
      voice_(std::move(voice)),
      encoder_(std::move(encoder)),
      decoder_(std::move(decoder)),
      playout_(options.playout_delay) {}

Task<Status> Conversation::run(Reader<v1::VoiceFrame> in, Writer<v1::VoiceFrame> out) {
  reader_ = std::move(in);
  writer_ = std::move(out);
  auto [spoken, heard, played, told] =
      co_await echostream::when_all(speak(), listen(), play(), tell_figures());
  for (const Status& status : {heard, spoken, played, told}) {
    if (!status.is_ok()) co_return status;
  }
  co_return Status::ok();
}

Task<Status> Conversation::speak() {
  const LocalTime start = loop_.now();
  const auto most =
      options_.length ? *options_.length / kFrameLength : std::numeric_limits<Duration::rep>::max();
  for (Duration::rep i = 1; i <= most && !other_is_done_; ++i) {
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

Task<Status> Conversation::listen() {
  while (auto frame = co_await reader_.next()) {
    hear(*std::move(frame));
    changed_.notify_all();
  }
  log_.add_lost(log_.next_sequence(), reader_.lost_at_end());
  other_is_done_ = true;
  changed_.notify_all();
  co_return reader_.status();
}

void Conversation::hear(Frame<v1::VoiceFrame> frame) {
  const LocalTime captured_at = on_shared_clock(frame.capture_time);
  log_.add_lost(frame.sequence - frame.lost_before, frame.lost_before);
  const bool in_time =
      playout_.add(frame.sequence, captured_at, std::move(*frame.message.mutable_opus()));
  log_.add_received(frame.sequence, captured_at, frame.arrival_time, in_time);
}

Task<Status> Conversation::play() {
  while (!other_is_done_ || !playout_.empty()) {
    const auto next = playout_.next_time();
    WaitResult waited = WaitResult::kNotified;
    if (next) {
      waited = co_await echostream::sleep_until(*next);
    } else {
      waited = co_await changed_.wait();  // before the first frame there is no time to keep
    }
    if (waited == WaitResult::kCancelled) break;
    if (next) play_next();
  }
  all_is_played_ = true;
  changed_.notify_all();
  co_return Status::ok();
}

void Conversation::play_next() {
  const auto opus = playout_.take_next();
  Samples samples;
  if (opus) {
    auto decoded = decoder_.decode(*opus);
    if (decoded) samples = *std::move(decoded);
  }
  if (samples.empty()) samples = decoder_.conceal();
  if (heard_.size() < kMostFrames * kSamplesPerFrame) {
    heard_.insert(heard_.end(), samples.begin(), samples.end());
  }
}

Task<Status> Conversation::tell_figures() {
  LocalTime next = loop_.now() + kFiguresEvery;
  while (!all_is_played_) {
    const WaitResult waited = co_await changed_.wait(next);
    if (waited == WaitResult::kCancelled) co_return cancelled();
    if (waited == WaitResult::kNotified) continue;
    say(loop_, options_.station, log_.summary());
    next += kFiguresEvery;
  }
  co_return Status::ok();
}

v1::CallReport Conversation::report() const {
  v1::CallReport report;
  report.set_station(options_.station);
  report.set_frames_sent(frames_sent_);
  log_.describe(report);
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
