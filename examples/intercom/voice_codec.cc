#include "voice_codec.h"

#include <opus.h>

#include <algorithm>
#include <cmath>

namespace intercom {

using echostream::Result;
using echostream::Status;
using echostream::StatusCode;

namespace {

// What Opus needs at most for one frame.
constexpr std::size_t kMostFrameBytes = 1275;

Status opus_failure(StatusCode code, const char* what, int error) {
  return {code, std::string(what) + ": " + opus_strerror(error)};
}

}  // namespace

void VoiceEncoder::Destroy::operator()(OpusEncoder* encoder) const {
  opus_encoder_destroy(encoder);
}

Result<VoiceEncoder> VoiceEncoder::make(std::uint32_t bitrate_bits_per_s) {
  int error = OPUS_OK;
  VoiceEncoder encoder(opus_encoder_create(kSampleRate, 1, OPUS_APPLICATION_VOIP, &error));
  if (error != OPUS_OK) {
    return opus_failure(StatusCode::kInternal, "cannot make an Opus encoder", error);
  }
  error = opus_encoder_ctl(encoder.encoder_.get(),
                           OPUS_SET_BITRATE(static_cast<opus_int32>(bitrate_bits_per_s)));
  if (error != OPUS_OK) {
    return opus_failure(StatusCode::kInvalidArgument, "Opus refuses the bit rate", error);
  }
  return encoder;
}

Result<std::string> VoiceEncoder::encode(const Samples& samples) {
  if (samples.size() != kSamplesPerFrame) {
    return Status(StatusCode::kInvalidArgument,
                  "a frame has 960 samples, not " + std::to_string(samples.size()));
  }
  std::string bytes(kMostFrameBytes, '\0');
  const opus_int32 size = opus_encode(encoder_.get(), samples.data(), kSamplesPerFrame,
                                      reinterpret_cast<unsigned char*>(bytes.data()),
                                      static_cast<opus_int32>(bytes.size()));
  if (size < 0) return opus_failure(StatusCode::kInternal, "cannot encode", size);
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

void VoiceEncoder::expect_loss(double share) {
  const auto percent = static_cast<opus_int32>(std::lround(std::clamp(share, 0.0, 1.0) * 100));
  (void)opus_encoder_ctl(encoder_.get(), OPUS_SET_INBAND_FEC(percent > 0 ? 1 : 0));
  (void)opus_encoder_ctl(encoder_.get(), OPUS_SET_PACKET_LOSS_PERC(percent));
}

void VoiceDecoder::Destroy::operator()(OpusDecoder* decoder) const {
  opus_decoder_destroy(decoder);
}

Result<VoiceDecoder> VoiceDecoder::make() {
  int error = OPUS_OK;
  VoiceDecoder decoder(opus_decoder_create(kSampleRate, 1, &error));
  if (error != OPUS_OK) {
    return opus_failure(StatusCode::kInternal, "cannot make an Opus decoder", error);
  }
  return decoder;
}

Result<Samples> VoiceDecoder::decode(std::string_view bytes) {
  if (bytes.empty()) return Status(StatusCode::kDataLoss, "an empty voice frame");
  Samples samples(kSamplesPerFrame);
  const int count =
      opus_decode(decoder_.get(), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<opus_int32>(bytes.size()), samples.data(), kSamplesPerFrame, 0);
  if (count < 0) return opus_failure(StatusCode::kDataLoss, "cannot decode", count);
  samples.resize(kSamplesPerFrame);
  return samples;
}

Samples VoiceDecoder::conceal(std::size_t count) {
  Samples samples(count);
  // No data is how Opus is told that the frame is missing.
  const int done =
      opus_decode(decoder_.get(), nullptr, 0, samples.data(), static_cast<int>(count), 0);
  if (done < 0) samples.assign(count, 0);
  return samples;
}

bool VoiceDecoder::holds_frame_before(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  // RFC 6716, 3.1: configurations from 16 on are CELT, which has no redundancy. 3.2: code 0 is one
  // frame in the packet.
  const auto toc = static_cast<unsigned char>(bytes[0]);
  if ((toc >> 3) >= 16 || (toc & 3) != 0) return false;
  // RFC 6716, 4.2.3: for one 20 ms frame of mono the VAD flag comes first and then the LBRR flag.
  // Both have even odds, so that the range coder leaves them as the two highest bits.
  return (static_cast<unsigned char>(bytes[1]) & 0x40) != 0;
}

Samples VoiceDecoder::recover(std::string_view next_bytes) {
  Samples samples(kSamplesPerFrame);
  const int count = opus_decode(
      decoder_.get(), reinterpret_cast<const unsigned char*>(next_bytes.data()),
      static_cast<opus_int32>(next_bytes.size()), samples.data(), kSamplesPerFrame, /*fec=*/1);
  return count < 0 ? conceal() : samples;
}

}  // namespace intercom
