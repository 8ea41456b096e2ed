#include "runtime/core/session/event_receiver.h"

#include <optional>
#include <utility>

namespace echostream::core {

Status EventReceiver::handle_data(BytesView data) {
  if (!unparsed_.empty()) {
    unparsed_.insert(unparsed_.end(), data.begin(), data.end());
    return Status::ok();
  }
  return parse(data);
}

Status EventReceiver::resume() {
  if (unparsed_.empty()) return Status::ok();
  const std::vector<std::uint8_t> waiting = std::exchange(unparsed_, {});
  return parse(waiting);
}

Status EventReceiver::parse(BytesView data) {
  std::size_t taken = 0;
  Status status = parser_.feed(data, *this, taken);
  if (!status.is_ok()) return status;
  transport_.consume(id_, taken);
  unparsed_.assign(data.begin() + static_cast<std::ptrdiff_t>(taken), data.end());
  return status;
}

std::optional<std::uint64_t> EventReceiver::payload_limit(std::uint64_t type) {
  if (type != static_cast<std::uint64_t>(FrameType::kEvent)) return std::nullopt;
  return limits_.max_message_bytes + limits_.max_metadata_bytes;
}

Status EventReceiver::on_frame(std::uint64_t, Buffer payload) {
  ByteReader reader(payload);
  auto header = parse_event_header(reader);
  if (!header) return std::move(header).error();
  Buffer message = payload.slice(payload.size() - reader.rest().size());
  if (message.size() > limits_.max_message_bytes ||
      header->metadata.byte_size() > limits_.max_metadata_bytes) {
    return {StatusCode::kResourceExhausted, "an event is over the size limit"};
  }
  sink_.on_event(*std::move(header), std::move(message));
  return Status::ok();
}

}  // namespace echostream::core
