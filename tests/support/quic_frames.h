// QUIC frames by hand (RFC 9000 section 19): a writer that writes whatever it is told, and a reader
// for what our own endpoint answers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "echostream/base/bytes.h"

namespace echostream::testing {

/// A variable-length integer (RFC 9000 section 16), in as few bytes as it fits.
void append_varint(std::vector<std::uint8_t>& out, std::uint64_t value);
void append_bytes(std::vector<std::uint8_t>& out, BytesView bytes);

/// Frames of one packet, one after another. Nothing is checked: rules are there to be broken.
class Frames {
 public:
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

  Frames& raw(BytesView bytes);
  Frames& varint(std::uint64_t value);
  Frames& padding(std::size_t count);
  Frames& ping() { return varint(0x01); }
  Frames& ack(std::uint64_t largest, std::uint64_t first_range);
  Frames& reset_stream(std::int64_t id, std::uint64_t code, std::uint64_t final_size);
  Frames& stop_sending(std::int64_t id, std::uint64_t code);
  Frames& crypto(std::uint64_t offset, BytesView data);
  Frames& new_token(BytesView token);
  Frames& stream(std::int64_t id, std::uint64_t offset, std::string_view data, bool fin = false);
  Frames& max_data(std::uint64_t limit) { return varint(0x10).varint(limit); }
  Frames& max_stream_data(std::int64_t id, std::uint64_t limit);
  Frames& max_streams(bool bidirectional, std::uint64_t limit);
  Frames& data_blocked(std::uint64_t limit) { return varint(0x14).varint(limit); }
  Frames& streams_blocked(bool bidirectional, std::uint64_t limit);
  Frames& new_connection_id(std::uint64_t sequence, std::uint64_t retire_prior_to, BytesView id,
                            BytesView token);
  Frames& retire_connection_id(std::uint64_t sequence) { return varint(0x19).varint(sequence); }
  Frames& path_challenge(std::uint64_t data);
  Frames& path_response(std::uint64_t data);
  Frames& connection_close(bool by_application, std::uint64_t code, std::string_view reason);
  Frames& handshake_done() { return varint(0x1e); }
  Frames& datagram(std::string_view data);

 private:
  Frames& fixed(std::uint64_t value);
  std::vector<std::uint8_t> bytes_;
};

/// A frame as it was read. What a field means depends on the type.
struct Frame {
  std::uint64_t type = 0;
  /// Stream id, sequence number of a connection id, or the largest packet number of an ACK.
  std::uint64_t id = 0;
  std::uint64_t offset = 0;
  /// Error code or limit.
  std::uint64_t value = 0;
  bool fin = false;
  /// Stream, crypto, token or datagram bytes, a reason, a connection id, or path data.
  std::vector<std::uint8_t> data;

  bool is_stream() const { return type >= 0x08 && type <= 0x0f; }
  bool is_ack() const { return type == 0x02 || type == 0x03; }
  bool is_close() const { return type == 0x1c || type == 0x1d; }
};

/// Aborts on what is no frame: our own endpoint wrote it.
std::vector<Frame> read_frames(BytesView payload);

}  // namespace echostream::testing
