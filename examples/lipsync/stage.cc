#include "stage.h"

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "intercom/console.h"
#include "intercom/voice_codec.h"
#include "picture_codec.h"

namespace lipsync {

using echostream::Call;
using echostream::Duration;
using echostream::LocalTime;
using echostream::Result;
using echostream::Status;
using echostream::StatusCode;
using echostream::StreamFeedback;
using echostream::Task;
using echostream::WaitResult;
using echostream::Writer;
using intercom::kFrameLength;

namespace {

// Good speech (RFC 6716, 2.1.1).
constexpr std::uint32_t kVoiceBitsPerSecond = 32'000;
// Two seconds, as video for many receivers has them.
constexpr std::uint64_t kPicturesPerKey = 2 * kPicturesPerSecond;

Result<Duration> length_of(const v1::Ticket& ticket) {
  const Duration length = std::chrono::milliseconds(ticket.length_ms());
  if (length <= Duration::zero() || length > kLongestShow) {
    return Status(StatusCode::kInvalidArgument, "a ticket's length_ms is from 1 to 600000");
  }
  return length;
}

Status cancelled() { return {StatusCode::kCancelled, "the seat was given up"}; }

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

std::string describe(const char* track, const std::optional<StreamFeedback>& feedback) {
  if (!feedback) return std::string("heard nothing from the seat about its ") + track;
  char text[200];
  std::snprintf(text, sizeof text,
                "hears from the seat: %s: %llu frames came, %llu missing, %llu late; jitter %.1f "
                "ms, played %.0f ms after its capture",
                track, static_cast<unsigned long long>(feedback->frames_received),
                static_cast<unsigned long long>(feedback->frames_missing),
                static_cast<unsigned long long>(feedback->frames_late),
                milliseconds(feedback->jitter), milliseconds(feedback->playout_delay));
  return text;
}

}  // namespace

Stage::Stage(echostream::Loop& loop, Show show)
    : loop_(loop), show_(std::move(show)), opening_(loop.now()) {}

Task<Status> Stage::Voice(Call&, v1::Ticket ticket, Writer<v1::VoiceFrame> out) {
  return speak(std::move(ticket), std::move(out));
}

Task<Status> Stage::VoiceAlone(Call&, v1::Ticket ticket, Writer<v1::VoiceFrame> out) {
  return speak(std::move(ticket), std::move(out));
}

Task<Status> Stage::Video(Call&, v1::Ticket ticket, Writer<v1::PictureFrame> out) {
  return film(std::move(ticket), std::move(out));
}

Task<Status> Stage::VideoAlone(Call&, v1::Ticket ticket, Writer<v1::PictureFrame> out) {
  return film(std::move(ticket), std::move(out));
}

// A frame can be sent when its last sample is captured. Its time is that of what is heard first
// when it is played, which is a little older than the first sample that went into it.
Task<Status> Stage::speak(v1::Ticket ticket, Writer<v1::VoiceFrame> out) {
  auto length = length_of(ticket);
  if (!length) co_return length.error();
  auto encoder = intercom::VoiceEncoder::make(kVoiceBitsPerSecond);
  if (!encoder) co_return encoder.error();
  const auto first = static_cast<std::uint64_t>((loop_.now() - opening_) / kFrameLength);
  const auto count = static_cast<std::uint64_t>(*length / kFrameLength);
  for (std::uint64_t i = first; i < first + count; ++i) {
    const LocalTime begins_at = opening_ + static_cast<Duration::rep>(i) * kFrameLength;
    const WaitResult waited = co_await echostream::sleep_until(begins_at + kFrameLength);
    if (waited == WaitResult::kCancelled) co_return cancelled();
    auto opus = encoder->encode(show_.sound(i));
    if (!opus) co_return opus.error();
    v1::VoiceFrame frame;
    frame.set_opus(*std::move(opus));
    Status written =
        co_await out.write(std::move(frame), {.capture_time = begins_at - kCodecDelay});
    if (!written.is_ok()) co_return written;
  }
  intercom::say(loop_, "stage", describe("voice", out.feedback()));
  co_return Status::ok();
}

Task<Status> Stage::film(v1::Ticket ticket, Writer<v1::PictureFrame> out) {
  auto length = length_of(ticket);
  if (!length) co_return length.error();
  PictureEncoder encoder;
  constexpr Duration kInterval = picture_position(1);
  // The next one; a rounding error only makes it the one after that.
  const auto first = static_cast<std::uint64_t>((loop_.now() - opening_) / kInterval) + 1;
  const auto count = static_cast<std::uint64_t>(*length / kInterval);
  for (std::uint64_t i = first; i < first + count; ++i) {
    const LocalTime captured_at = opening_ + picture_position(i);
    const WaitResult waited = co_await echostream::sleep_until(captured_at);
    if (waited == WaitResult::kCancelled) co_return cancelled();
    const bool is_key = (i - first) % kPicturesPerKey == 0;
    const Picture picture = show_.picture(i);
    v1::PictureFrame frame;
    frame.set_is_key(is_key);
    frame.set_blocks(is_key ? encoder.encode_key(picture) : encoder.encode_change(picture));
    Status written = co_await out.write(std::move(frame), {.capture_time = captured_at});
    if (!written.is_ok()) co_return written;
  }
  intercom::say(loop_, "stage", describe("video", out.feedback()));
  co_return Status::ok();
}

}  // namespace lipsync
