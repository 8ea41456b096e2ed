// Opus for voice: one encoder and one decoder for each call.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "echostream/base/result.h"

#include "audio_format.h"

struct OpusEncoder;
struct OpusDecoder;

namespace intercom {

class VoiceEncoder {
 public:
  static echostream::Result<VoiceEncoder> make(std::uint32_t bitrate_bits_per_s);
  /// One frame of kSamplesPerFrame samples; gives the bytes to send.
  echostream::Result<std::string> encode(const Samples& samples);
  /// What share of the frames will not arrive, as the receiver reports it. From 1 % on each frame
  /// also holds the one before, in lower quality (see VoiceDecoder::recover).
  void expect_loss(double share);

 private:
  struct Destroy {
    void operator()(OpusEncoder* encoder) const;
  };
  explicit VoiceEncoder(OpusEncoder* encoder) : encoder_(encoder) {}
  std::unique_ptr<OpusEncoder, Destroy> encoder_;
};

class VoiceDecoder {
 public:
  static echostream::Result<VoiceDecoder> make();
  /// kDataLoss when the bytes are not Opus.
  echostream::Result<Samples> decode(std::string_view bytes);
  /// Sound to bridge a frame that did not come; `count` is a multiple of 120 (2.5 ms).
  Samples conceal(std::size_t count = kSamplesPerFrame);
  /// Whether these bytes also hold the frame before theirs.
  static bool holds_frame_before(std::string_view bytes);
  /// That frame, to be called before decode() of the same bytes; conceal() when they do not hold
  /// it.
  Samples recover(std::string_view next_bytes);

 private:
  struct Destroy {
    void operator()(OpusDecoder* decoder) const;
  };
  explicit VoiceDecoder(OpusDecoder* decoder) : decoder_(decoder) {}
  std::unique_ptr<OpusDecoder, Destroy> decoder_;
};

}  // namespace intercom
