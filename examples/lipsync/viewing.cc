#include "viewing.h"

#include <cstdio>
#include <utility>

#include "intercom/console.h"
#include "intercom/wav_file.h"

namespace lipsync {

using echostream::CallOptions;
using echostream::Duration;
using echostream::Frame;
using echostream::Loop;
using echostream::Reader;
using echostream::Result;
using echostream::Session;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;
using echostream::WaitResult;

namespace {

constexpr char kGroup[] = "show";  // lipsync.proto
constexpr Duration kFiguresEvery = std::chrono::seconds(2);
// After its length a show may still be under way in the network and in buffers.
constexpr Duration kGrace = std::chrono::seconds(5);

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

}  // namespace

Result<std::unique_ptr<Viewing>> Viewing::make(Loop& loop, const Session& stage,
                                               const Options& options) {
  auto player = intercom::VoicePlayer::make();
  if (!player) return player.error();
  return std::unique_ptr<Viewing>(new Viewing(loop, stage, options, *std::move(player)));
}

Viewing::Viewing(Loop& loop, const Session& stage, const Options& options,
                 intercom::VoicePlayer player)
    : loop_(loop),
      stage_(stage),
      options_(options),
      start_(loop.now()),
      player_(std::move(player)),
      heard_(options.length + kGrace) {}

Task<Status> Viewing::run() {
  start_ = loop_.now();
  auto client = stage_.client<v1::Stage>();
  v1::Ticket ticket;
  ticket.set_length_ms(static_cast<std::uint32_t>(options_.length / std::chrono::milliseconds(1)));
  const Duration timeout = options_.length + kGrace;
  Reader<v1::VoiceFrame> voice;
  Reader<v1::PictureFrame> video;
  if (options_.in_sync_group) {
    voice = co_await client.Voice(ticket, CallOptions().timeout(timeout));
    video = co_await client.Video(ticket, CallOptions().timeout(timeout));
  } else {
    voice = co_await client.VoiceAlone(ticket, CallOptions().timeout(timeout));
    video = co_await client.VideoAlone(ticket, CallOptions().timeout(timeout));
  }
  auto [listened, watched, told] =
      co_await echostream::when_all(listen(std::move(voice)), watch(std::move(video)), tell());
  for (const Status& status : {listened, watched, told}) {
    if (!status.is_ok()) co_return status;
  }
  co_return Status::ok();
}

template <class T>
PlayedFrame Viewing::note(const Frame<T>& frame) const {
  const auto captured_at = frame.local_capture_time ? *frame.local_capture_time
                                                    : stage_.clock().to_local(frame.capture_time);
  return played_frame(frame, captured_at, loop_.now());
}

Task<Status> Viewing::listen(Reader<v1::VoiceFrame> in) {
  while (auto step = co_await in.next_playout()) {
    if (!step->frame) {
      heard_.play(step->at, player_.conceal(step->duration));
      continue;
    }
    voice_.log.add(note(*step->frame));
    voice_.log.add_lost(step->frame->lost_before);
    heard_.play(step->at, player_.play(step->frame->message.opus(), step->duration));
    voice_.buffer = in.jitter_buffer_stats();
  }
  voice_.log.add_lost(in.lost_at_end());
  voice_.buffer = in.jitter_buffer_stats();
  end_track();
  co_return in.status().with_context("voice");
}

// A picture is seen as soon as it is handed out, be that on time or not.
Task<Status> Viewing::watch(Reader<v1::PictureFrame> in) {
  while (auto frame = co_await in.next()) {
    const PlayedFrame shown = note(*frame);
    video_.log.add(shown);
    video_.log.add_lost(frame->lost_before);
    Status decoded = decoder_.decode(frame->message.blocks());
    if (!decoded.is_ok()) co_return decoded.with_context("video");
    if (decoder_.is_complete() && seen_.size() < video_.log.frames().size()) {
      seen_.push_back({shown.handed_out_at, mouth_opening(decoder_.picture())});
    }
    video_.buffer = in.jitter_buffer_stats();
    ask_group();
  }
  video_.log.add_lost(in.lost_at_end());
  video_.buffer = in.jitter_buffer_stats();
  end_track();
  co_return in.status().with_context("video");
}

// The group's figures mean something as long as both tracks play in it.
void Viewing::ask_group() {
  if (!options_.in_sync_group) return;
  const auto group = stage_.sync_group(kGroup);
  if (group && group->in_step == 2) group_ = group;
}

void Viewing::end_track() {
  --tracks_running_;
  track_ended_.notify_all();
}

Task<Status> Viewing::tell() {
  echostream::LocalTime next = start_ + kFiguresEvery;
  while (tracks_running_ == 2) {
    const WaitResult waited = co_await track_ended_.wait(next);
    if (waited == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "the show was left");
    }
    if (waited == WaitResult::kNotified) continue;
    intercom::say(loop_, "seat", figures());
    next += kFiguresEvery;
  }
  co_return Status::ok();
}

std::string Viewing::figures() const {
  const echostream::ClockEstimate clock = stage_.clock().estimate();
  char text[240];
  int used = std::snprintf(text, sizeof text, "clock %+.3f ms (within %.1f); voice %llu played, ",
                           milliseconds(clock.offset), milliseconds(clock.bound),
                           static_cast<unsigned long long>(voice_.log.played()));
  used += std::snprintf(text + used, sizeof text - static_cast<std::size_t>(used),
                        "%llu not; pictures %llu, %llu not",
                        static_cast<unsigned long long>(voice_.log.lost()),
                        static_cast<unsigned long long>(video_.log.played()),
                        static_cast<unsigned long long>(video_.log.lost()));
  std::string line(text);
  if (group_) {
    std::snprintf(text, sizeof text, "; both %.0f ms after capture", milliseconds(group_->delay));
    line += text;
  }
  if (!video_.log.frames().empty()) {
    const auto skew = skew_of(video_.log.frames().back(), voice_.log, intercom::kFrameLength);
    if (skew) {
      std::snprintf(text, sizeof text, "; picture %+.1f ms", milliseconds(*skew));
      line += text;
    }
  }
  return line;
}

std::vector<std::optional<Duration>> Viewing::skews() const {
  std::vector<std::optional<Duration>> skews;
  for (const PlayedFrame& picture : video_.log.frames()) {
    skews.push_back(skew_of(picture, voice_.log, intercom::kFrameLength));
  }
  return skews;
}

std::optional<LipSync> Viewing::lip_sync() const {
  if (!heard_.start()) return std::nullopt;
  std::vector<ShownMouth> shown;
  for (const Seen& seen : seen_) shown.push_back({seen.at - *heard_.start(), seen.mouth});
  return measure_lip_sync(LoudnessCurve(heard_.samples()), shown);
}

Status Viewing::save(const std::string& prefix) const {
  const Status statuses[] = {
      write_csv(prefix + "_voice.csv", voice_.log, start_, {}),
      write_csv(prefix + "_video.csv", video_.log, start_, skews()),
      intercom::write_wav(prefix + "_heard.wav", heard_.samples()),
  };
  for (const Status& status : statuses) {
    if (!status.is_ok()) return status;
  }
  return Status::ok();
}

}  // namespace lipsync
