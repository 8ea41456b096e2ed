#include "runtime/core/delivery/expiring_sender.h"

#include <algorithm>
#include <array>
#include <utility>

namespace echostream::core {

ExpiringSender::~ExpiringSender() {
  for (const InFlight& frame : in_flight_) context_.frame_streams.senders.erase(frame.stream);
  std::erase(context_.frame_streams.waiting, this);
}

void ExpiringSender::send(LocalTime now, const FrameHeader& header, Buffer message) {
  ++stats_.sent;
  give_up_stale(now);
  if (in_flight_.size() >= context_.limits.max_expiring_in_flight && !in_flight_.empty()) {
    give_up(in_flight_.front(), WireError::kStale);
    in_flight_.pop_front();
  }
  const LocalTime expires_at = deadline_of(now, header, context_.max_age);
  if (expires_at <= now) {
    ++stats_.expired;
    return;
  }
  in_flight_.push_back({expires_at, StreamId{}, header, std::move(message)});
  handle_progress(now);
  arm();
}

// Frames wait for stream credit in order, so only an empty queue of waiting frames lets one go.
void ExpiringSender::handle_progress(LocalTime) {
  for (InFlight& frame : in_flight_) {
    if (frame.stream.is_valid() || open_and_write(frame)) continue;
    std::vector<FrameSender*>& waiting = context_.frame_streams.waiting;
    if (std::find(waiting.begin(), waiting.end(), this) == waiting.end()) waiting.push_back(this);
    return;
  }
}

void ExpiringSender::give_up_all(WireError code) {
  for (const InFlight& frame : std::exchange(in_flight_, {})) give_up(frame, code);
  arm();
}

void ExpiringSender::handle_stream_closed(StreamId id) {
  std::erase_if(in_flight_, [&](const InFlight& frame) { return frame.stream == id; });
  arm();
}

bool ExpiringSender::open_and_write(InFlight& frame) {
  auto stream = context_.transport.open_unidirectional();
  if (!stream) return false;
  frame.stream = *stream;
  context_.frame_streams.senders[*stream] = this;
  ByteWriter prefix;
  prefix.write_varint(static_cast<std::uint64_t>(StreamType::kFrame));
  prefix.write_varint(static_cast<std::uint64_t>(context_.call.value));
  std::array<std::uint8_t, 16> header;
  const std::uint8_t* end = write_frame_header(header.data(), frame.header);
  prefix.write_bytes(BytesView(header.data(), static_cast<std::size_t>(end - header.data())));
  context_.transport.set_priority(*stream, context_.priority);
  context_.transport.write(*stream, prefix.to_buffer(), false);
  context_.transport.write(*stream, std::exchange(frame.message, {}), true);
  return true;
}

void ExpiringSender::give_up(const InFlight& frame, WireError code) {
  if (frame.stream.is_valid()) {
    context_.frame_streams.senders.erase(frame.stream);
    context_.transport.reset(frame.stream, code);
  }
  ++stats_.expired;
}

void ExpiringSender::give_up_stale(LocalTime now) {
  std::erase_if(in_flight_, [&](const InFlight& frame) {
    if (frame.expires_at > now) return false;
    give_up(frame, WireError::kStale);
    return true;
  });
  arm();
}

void ExpiringSender::arm() {
  LocalTime first = kNever;
  for (const InFlight& frame : in_flight_) first = std::min(first, frame.expires_at);
  context_.executor.arm(*this, first);
}

}  // namespace echostream::core
