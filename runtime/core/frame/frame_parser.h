// Cuts a stream's bytes into frames, however the network cut them into packets. Holds at most one
// frame.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

#include "runtime/base/buffer_builder.h"

namespace echostream::core {

class FrameSink {
 public:
  /// The most payload bytes a frame of this type may have; nullopt skips frames of the type unread.
  virtual std::optional<std::uint64_t> payload_limit(std::uint64_t type) = 0;
  /// A frame over its limit, before anything of it is buffered. The error ends the parsing; OK
  /// skips the frame unread.
  virtual Status on_oversized(Status error) { return error; }
  /// A complete frame. An error ends the parsing and is what feed() returns.
  virtual Status on_frame(std::uint64_t type, Buffer payload) = 0;
  /// Asked before each frame: false makes feed() stop there and report how much it took.
  virtual bool wants_frame() { return true; }

 protected:
  ~FrameSink() = default;
};

class FrameParser {
 public:
  /// Takes bytes in stream order; `taken` is how many were used (all, unless the sink wanted no
  /// more). After an error the stream is beyond repair. kResourceExhausted: a frame over its limit,
  /// refused before anything of it was buffered.
  Status feed(BytesView bytes, FrameSink& sink, std::size_t& taken);
  /// The same; payloads that are whole in it are slices of it, and not copied.
  Status feed(const Buffer& bytes, FrameSink& sink, std::size_t& taken);
  /// What the incomplete frame has made us keep.
  std::size_t held_bytes() const noexcept { return partial_.size(); }
  /// True between frames: the only place where a stream may end.
  bool at_boundary() const noexcept { return !in_payload_ && header_size_ == 0; }

 private:
  bool read_header(BytesView& bytes);
  Status begin_payload(FrameSink& sink);
  Status feed_payload(BytesView& bytes, FrameSink& sink);
  Buffer whole_payload(BytesView payload) const;

  std::array<std::uint8_t, 16> header_{};
  std::size_t header_size_ = 0;
  bool in_payload_ = false;
  bool skipping_ = false;
  const Buffer* source_ = nullptr;  // of the bytes that are being fed, if they are somebody's
  std::uint64_t type_ = 0;
  std::uint64_t remaining_ = 0;
  // Beyond kMostAhead it grows with what has arrived, not with what the header promised.
  BufferBuilder partial_;
};

}  // namespace echostream::core
