// What the peer's control stream says (RFC 9114 6.2.1), before nghttp3 reads it: takes out what
// nghttp3 1.8 must not see, and checks what it does not check. Bytes in, bytes out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "echostream/base/bytes.h"

#include "runtime/http3/http3_error.h"

namespace echostream::http3 {

/// Of one unidirectional stream of the peer's. All of a stream that turns out to be another than
/// the control stream passes as it is.
///
/// Of a client's, PRIORITY_UPDATE frames (RFC 9218 7.2) are left out, which a server may ignore:
/// how urgent an answer is, its request's head says. nghttp3 makes a stream for each of them, and
/// aborts the program when one is cut between its two fields.
class ControlFilter {
 public:
  explicit ControlFilter(bool is_clients) : is_clients_(is_clients) {}

  /// Appends to `out` what nghttp3 is to read. An error ends the connection.
  std::optional<Http3Error> feed(BytesView data, std::vector<std::uint8_t>& out);
  /// Whatever comes is passed.
  bool is_transparent() const { return state_ == State::kOther; }

 private:
  enum class State : std::uint8_t { kStreamType, kFrameType, kFrameLength, kPayload, kOther };

  std::optional<Http3Error> read_header(std::uint64_t value, std::vector<std::uint8_t>& out);
  std::optional<Http3Error> read_payload(BytesView piece, std::vector<std::uint8_t>& out);

  const bool is_clients_;
  State state_ = State::kStreamType;
  std::array<std::uint8_t, 16> header_{};  // of the frame: its type and length, as they came
  std::size_t header_size_ = 0;
  std::size_t field_begin_ = 0;  // where the number begins that is being read
  std::uint64_t type_ = 0;
  std::uint64_t left_ = 0;  // of the frame's payload
  bool has_settings_ = false;
  bool drops_ = false;
  std::vector<std::uint8_t> settings_;  // the payload so far
};

}  // namespace echostream::http3
