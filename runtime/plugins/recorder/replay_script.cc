#include "runtime/plugins/recorder/replay_script.h"

#include <utility>

#include "runtime/plugins/recorder/call_slots.h"
#include "runtime/plugins/recorder/recording.pb.h"

namespace echostream::recorder {
namespace {

// What a message costs beside its bytes, about.
constexpr std::size_t kMessageBytes = 64;

std::uint64_t nanoseconds(WallTime time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

StatusCode code_of(std::string_view name) {
  for (std::uint64_t number = 0; number <= 16; ++number) {
    const StatusCode code = status_code_from_wire(number);
    if (to_string(code) == name) return code;
  }
  return StatusCode::kUnknown;
}

}  // namespace

Status ReplayScript::hold(std::size_t bytes) {
  bytes_ += bytes + kMessageBytes;
  if (bytes_ <= most_bytes_) return Status::ok();
  return {StatusCode::kResourceExhausted,
          "the recording is larger than what may be held in memory, " +
              std::to_string(most_bytes_) + " bytes (ReplayOptions::max_bytes); choose methods"};
}

Result<const ReplayScript::KnownChannel*> ReplayScript::find_channel(
    const RecordedChannel& channel) {
  const auto known = channels_.find(channel.id);
  if (known != channels_.end()) return &known->second;
  KnownChannel& made = channels_[channel.id];
  const std::string name(channel.metadata_value("method"));
  const std::size_t slash = name.find('/');
  if (slash == name.npos || slash == 0 || slash + 1 == name.size()) return &made;  // not ours
  // Which reply belongs to which request cannot be told.
  if (channel.metadata_value("slot") == kSharedSlot) return &made;
  auto [entry, is_new] = methods_.try_emplace(name, name);
  made.method = &entry->second;
  made.is_request = channel.metadata_value("direction") == "request";
  made.place = {name, std::string(channel.metadata_value("side")),
                std::string(channel.metadata_value("session")),
                std::string(channel.metadata_value("slot"))};
  for (const auto& [key, value] : channel.metadata) {
    if (!is_new) break;
    if (Status set = made.method->method.set(key, value); !set.is_ok()) {
      return set.with_context(channel.topic);
    }
  }
  return &made;
}

Status ReplayScript::add(const RecordedMessage& message) {
  if (message.channel->topic == "/echostream/calls") {
    add_end(message.data);
    return Status::ok();
  }
  auto channel = find_channel(*message.channel);
  if (!channel) return channel.error();
  if ((*channel)->method == nullptr) return Status::ok();
  if (Status held = hold(message.data.size()); !held.is_ok()) return held;
  ++messages_;
  if ((*channel)->is_request) {
    add_request(**channel, message);
  } else {
    add_response(**channel, message);
  }
  return Status::ok();
}

ReplayScript::OpenCall& ReplayScript::begin_call(const KnownChannel& channel, std::uint64_t time) {
  OpenCall& call = open_[channel.place];
  call = {channel.method, channel.method->calls.size(), time};
  channel.method->calls.emplace_back().is_of_server = std::get<1>(channel.place) == "server";
  return call;
}

void ReplayScript::add_request(const KnownChannel& channel, const RecordedMessage& message) {
  const MethodInfo info = channel.method->method.info();
  // What a caller streams is not kept: nobody compares it.
  if (info.client_streaming) {
    if (open_.count(channel.place) == 0) begin_call(channel, nanoseconds(message.log_time));
    return;
  }
  // A layer further in has made the call again: what comes answers the last attempt.
  const auto open = open_.find(channel.place);
  if (open != open_.end()) {
    const ReplayCall& call = channel.method->calls[open->second.index];
    if (call.request && call.request->text() == as_text(message.data) && call.responses.empty()) {
      open->second.begun_at = nanoseconds(message.log_time);
      return;
    }
  }
  const OpenCall& call = begin_call(channel, nanoseconds(message.log_time));
  channel.method->calls[call.index].request = Buffer::copy(message.data);
}

void ReplayScript::add_response(const KnownChannel& channel, const RecordedMessage& message) {
  const std::uint64_t time = nanoseconds(message.publish_time);
  const auto open = open_.find(channel.place);
  const OpenCall& call = open != open_.end() ? open->second : begin_call(channel, time);
  ReplayFrame frame;
  frame.at = Duration(static_cast<Duration::rep>(time - call.begun_at));
  frame.bytes = Buffer::copy(message.data);
  channel.method->calls[call.index].responses.push_back(std::move(frame));
}

void ReplayScript::add_end(BytesView encoded) {
  recording::v1::CallEnded ended;
  if (!ended.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()))) return;
  const auto open = open_.find({ended.method(), ended.side(), std::to_string(ended.session()),
                                std::to_string(ended.slot())});
  if (open == open_.end()) return;
  open->second.method->calls[open->second.index].end =
      Status(code_of(ended.code()), ended.message());
  open_.erase(open);
}

}  // namespace echostream::recorder
