#include "tests/support/quic_frames.h"

#include "echostream/base/check.h"

namespace echostream::testing {
namespace {

void append_number(std::vector<std::uint8_t>& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }

  std::uint64_t varint() {
    const std::size_t size = std::size_t{1} << (need(1)[0] >> 6);
    std::uint64_t value = rest_[0] & 0x3f;
    for (std::size_t i = 1; i < size; ++i) value = value << 8 | need(size)[i];
    rest_ = rest_.subspan(size);
    return value;
  }
  std::vector<std::uint8_t> take(std::size_t size) {
    const BytesView taken = need(size).first(size);
    rest_ = rest_.subspan(size);
    return {taken.begin(), taken.end()};
  }
  std::vector<std::uint8_t> rest() { return take(rest_.size()); }

 private:
  BytesView need(std::size_t size) const {
    ECHOSTREAM_CHECK(rest_.size() >= size, "our endpoint writes whole frames");
    return rest_;
  }
  BytesView rest_;
};

void read_ack(Reader& reader, Frame& frame) {
  frame.id = reader.varint();
  reader.varint();  // delay
  const std::uint64_t ranges = reader.varint();
  reader.varint();  // first range
  for (std::uint64_t i = 0; i < 2 * ranges; ++i) reader.varint();
  const int counts = frame.type == 0x03 ? 3 : 0;
  for (int i = 0; i < counts; ++i) reader.varint();
}

void read_stream(Reader& reader, Frame& frame) {
  frame.id = reader.varint();
  if ((frame.type & 0x04) != 0) frame.offset = reader.varint();
  frame.fin = (frame.type & 0x01) != 0;
  frame.data = (frame.type & 0x02) != 0 ? reader.take(reader.varint()) : reader.rest();
}

void read_close(Reader& reader, Frame& frame) {
  frame.value = reader.varint();
  if (frame.type == 0x1c) reader.varint();  // the type of the frame that was wrong
  frame.data = reader.take(reader.varint());
}

void read_fields(Reader& reader, Frame& frame) {
  if (frame.is_ack()) return read_ack(reader, frame);
  if (frame.is_stream()) return read_stream(reader, frame);
  if (frame.is_close()) return read_close(reader, frame);
  switch (frame.type) {
    case 0x00:  // PADDING
    case 0x01:  // PING
    case 0x1e:  // HANDSHAKE_DONE
      return;
    case 0x04:  // RESET_STREAM
      frame.id = reader.varint();
      frame.value = reader.varint();
      frame.offset = reader.varint();
      return;
    case 0x05:  // STOP_SENDING
    case 0x11:  // MAX_STREAM_DATA
    case 0x15:  // STREAM_DATA_BLOCKED
      frame.id = reader.varint();
      frame.value = reader.varint();
      return;
    case 0x06:  // CRYPTO
      frame.offset = reader.varint();
      frame.data = reader.take(reader.varint());
      return;
    case 0x07:  // NEW_TOKEN
    case 0x31:  // DATAGRAM
      frame.data = reader.take(reader.varint());
      return;
    case 0x30:
      frame.data = reader.rest();
      return;
    case 0x18:  // NEW_CONNECTION_ID
      frame.id = reader.varint();
      frame.value = reader.varint();
      frame.data = reader.take(reader.take(1)[0]);
      reader.take(16);
      return;
    case 0x19:  // RETIRE_CONNECTION_ID
      frame.id = reader.varint();
      return;
    case 0x1a:  // PATH_CHALLENGE
    case 0x1b:  // PATH_RESPONSE
      frame.data = reader.take(8);
      return;
    default:  // MAX_DATA, MAX_STREAMS, DATA_BLOCKED, STREAMS_BLOCKED
      ECHOSTREAM_CHECK(frame.type >= 0x10 && frame.type <= 0x17, "our endpoint writes no others");
      frame.value = reader.varint();
  }
}

}  // namespace

void append_bytes(std::vector<std::uint8_t>& out, BytesView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_varint(std::vector<std::uint8_t>& out, std::uint64_t value) {
  if (value < 1u << 6) return append_number(out, value, 1);
  if (value < 1u << 14) return append_number(out, value | 1u << 14, 2);
  if (value < 1u << 30) return append_number(out, value | 2u << 30, 4);
  append_number(out, value | std::uint64_t{3} << 62, 8);
}

Frames& Frames::raw(BytesView bytes) {
  append_bytes(bytes_, bytes);
  return *this;
}

Frames& Frames::varint(std::uint64_t value) {
  append_varint(bytes_, value);
  return *this;
}

Frames& Frames::fixed(std::uint64_t value) {
  append_number(bytes_, value, 8);
  return *this;
}

Frames& Frames::padding(std::size_t count) {
  bytes_.resize(bytes_.size() + count);
  return *this;
}

Frames& Frames::ack(std::uint64_t largest, std::uint64_t first_range) {
  return varint(0x02).varint(largest).varint(0).varint(0).varint(first_range);
}

Frames& Frames::reset_stream(std::int64_t id, std::uint64_t code, std::uint64_t final_size) {
  return varint(0x04).varint(static_cast<std::uint64_t>(id)).varint(code).varint(final_size);
}

Frames& Frames::stop_sending(std::int64_t id, std::uint64_t code) {
  return varint(0x05).varint(static_cast<std::uint64_t>(id)).varint(code);
}

Frames& Frames::crypto(std::uint64_t offset, BytesView data) {
  return varint(0x06).varint(offset).varint(data.size()).raw(data);
}

Frames& Frames::new_token(BytesView token) { return varint(0x07).varint(token.size()).raw(token); }

Frames& Frames::stream(std::int64_t id, std::uint64_t offset, std::string_view data, bool fin) {
  varint(0x0e | (fin ? 1u : 0u)).varint(static_cast<std::uint64_t>(id)).varint(offset);
  return varint(data.size()).raw(as_bytes(data));
}

Frames& Frames::max_stream_data(std::int64_t id, std::uint64_t limit) {
  return varint(0x11).varint(static_cast<std::uint64_t>(id)).varint(limit);
}

Frames& Frames::max_streams(bool bidirectional, std::uint64_t limit) {
  return varint(bidirectional ? 0x12 : 0x13).varint(limit);
}

Frames& Frames::streams_blocked(bool bidirectional, std::uint64_t limit) {
  return varint(bidirectional ? 0x16 : 0x17).varint(limit);
}

Frames& Frames::new_connection_id(std::uint64_t sequence, std::uint64_t retire_prior_to,
                                  BytesView id, BytesView token) {
  varint(0x18).varint(sequence).varint(retire_prior_to);
  bytes_.push_back(static_cast<std::uint8_t>(id.size()));
  return raw(id).raw(token);
}

Frames& Frames::path_challenge(std::uint64_t data) { return varint(0x1a).fixed(data); }
Frames& Frames::path_response(std::uint64_t data) { return varint(0x1b).fixed(data); }

Frames& Frames::connection_close(bool by_application, std::uint64_t code, std::string_view reason) {
  varint(by_application ? 0x1d : 0x1c).varint(code);
  if (!by_application) varint(0);
  return varint(reason.size()).raw(as_bytes(reason));
}

Frames& Frames::datagram(std::string_view data) {
  return varint(0x31).varint(data.size()).raw(as_bytes(data));
}

std::vector<Frame> read_frames(BytesView payload) {
  std::vector<Frame> frames;
  for (Reader reader(payload); !reader.empty();) {
    Frame& frame = frames.emplace_back();
    frame.type = reader.varint();
    read_fields(reader, frame);
  }
  return frames;
}

}  // namespace echostream::testing
