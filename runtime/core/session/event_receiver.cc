#include "runtime/core/session/event_receiver.h"

#include <optional>
#include <utility>

namespace echostream::core {
namespace {

// Method id, time and number of metadata entries at their longest.
constexpr std::uint64_t kFieldBytes = 24;

}  // namespace

Status EventReceiver::handle_data(LocalTime now, BytesView data, bool fin) {
  received_at_ = now;
  if (fin) fin_seen_ = true;
  if (!unparsed_.empty()) {
    unparsed_.append(data);
    return Status::ok();
  }
  std::size_t taken = 0;
  if (Status status = parse(data, taken); !status.is_ok()) return status;
  unparsed_.append(data.subspan(taken));
  return check_end();
}

Status EventReceiver::resume() {
  if (unparsed_.empty()) return Status::ok();
  std::size_t taken = 0;
  if (Status status = parse(unparsed_.view(), taken); !status.is_ok()) return status;
  unparsed_.drop_front(taken);
  return check_end();
}

void EventReceiver::discard() {
  transport_.consume(id_, unparsed_.size());
  unparsed_.clear();
}

Status EventReceiver::parse(BytesView data, std::size_t& taken) {
  Status status = parser_.feed(data, *this, taken);
  if (status.is_ok()) transport_.consume(id_, taken);
  return status;
}

Status EventReceiver::check_end() const {
  if (!fin_seen_ || !unparsed_.empty() || parser_.at_boundary()) return Status::ok();
  return {StatusCode::kInternal, "the peer ended a stream of events inside a frame"};
}

std::optional<std::uint64_t> EventReceiver::payload_limit(std::uint64_t type) {
  if (type != static_cast<std::uint64_t>(FrameType::kEvent)) return std::nullopt;
  return limits_.max_message_bytes + limits_.max_metadata_bytes + kFieldBytes;
}

Status EventReceiver::on_oversized(Status) {
  sink_.on_event_dropped();
  return Status::ok();
}

Status EventReceiver::on_frame(std::uint64_t, Buffer payload) {
  ByteReader reader(payload);
  auto header = parse_event_header(reader);
  if (!header) return std::move(header).error();
  header->arrived_at = received_at_;
  Buffer message = payload.slice(payload.size() - reader.rest().size());
  if (message.size() > limits_.max_message_bytes ||
      header->metadata.byte_size() > limits_.max_metadata_bytes) {
    sink_.on_event_dropped();
    return Status::ok();
  }
  sink_.on_event(*std::move(header), std::move(message));
  return Status::ok();
}

}  // namespace echostream::core
