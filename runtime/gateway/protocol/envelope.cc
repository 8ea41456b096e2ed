#include "runtime/gateway/protocol/envelope.h"

#include <algorithm>
#include <string>
#include <utility>

namespace echostream::gateway {

std::size_t EnvelopeReader::length() const {
  std::size_t length = 0;
  for (std::size_t i = 1; i < kEnvelopeHeaderBytes; ++i) length = length << 8 | header_[i];
  return length;
}

Result<std::optional<Envelope>> EnvelopeReader::next(BytesView& data) {
  while (header_size_ < kEnvelopeHeaderBytes) {
    if (data.empty()) return std::optional<Envelope>();
    header_[header_size_++] = data[0];
    data = data.subspan(1);
  }
  if (length() > max_bytes_) {
    return Status(StatusCode::kResourceExhausted, "a message of " + std::to_string(length()) +
                                                      " bytes; " + std::to_string(max_bytes_) +
                                                      " are allowed");
  }
  const std::size_t count = std::min(length() - message_.size(), data.size());
  const BytesView piece = data.first(count);
  data = data.subspan(count);
  Envelope envelope{header_[0], {}};
  if (count == length()) {
    envelope.message = Buffer::copy(piece);
  } else {
    // Doubling is for a peer that may stop here; but never more than the whole.
    if (message_.size() + count > message_.capacity()) {
      message_.reserve(
          std::min(length(), std::max(message_.size() + count, message_.capacity() * 2)));
    }
    message_.append(piece);
    if (message_.size() < length()) return std::optional<Envelope>();
    envelope.message = message_.take();
  }
  header_size_ = 0;
  return std::optional<Envelope>(std::move(envelope));
}

Buffer envelope_header(std::uint8_t flags, std::size_t message_bytes) {
  return Buffer::build(kEnvelopeHeaderBytes, [&](MutableBytes out) {
    out[0] = flags;
    for (std::size_t i = 1; i < kEnvelopeHeaderBytes; ++i) {
      out[i] = static_cast<std::uint8_t>(message_bytes >> (8 * (kEnvelopeHeaderBytes - 1 - i)));
    }
  });
}

}  // namespace echostream::gateway
