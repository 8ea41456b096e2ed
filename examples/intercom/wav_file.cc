#include "wav_file.h"

#include <fstream>
#include <iterator>
#include <string_view>

// A WAV file is a RIFF file: chunks of a four-letter name, a little-endian length, and as many
// bytes, padded to an even number. "fmt " says what the samples in "data" are.
namespace intercom {

using echostream::Result;
using echostream::Status;
using echostream::StatusCode;

namespace {

constexpr std::size_t kRiffHeaderBytes = 12;
constexpr std::size_t kChunkHeaderBytes = 8;
constexpr std::size_t kFormatBytes = 16;

std::uint32_t read_number(std::string_view bytes, std::size_t offset, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = size; i-- > 0;) {
    number = number << 8 | static_cast<std::uint8_t>(bytes[offset + i]);
  }
  return number;
}

void append_number(std::string& bytes, std::uint32_t number, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(number >> (8 * i)));
}

// The content of the chunk, cut to what the file holds; empty when there is none.
std::string_view find_chunk(std::string_view file, std::string_view name) {
  std::size_t offset = kRiffHeaderBytes;
  while (offset + kChunkHeaderBytes <= file.size()) {
    const std::size_t size = read_number(file, offset + 4, 4);
    const std::string_view content = file.substr(offset + kChunkHeaderBytes, size);
    if (file.substr(offset, 4) == name) return content;
    offset += kChunkHeaderBytes + size + size % 2;
  }
  return {};
}

bool is_our_format(std::string_view format) {
  return format.size() >= kFormatBytes && read_number(format, 0, 2) == 1 &&  // PCM
         read_number(format, 2, 2) == 1 && read_number(format, 4, 4) == kSampleRate &&
         read_number(format, 14, 2) == 16;
}

}  // namespace

Result<Samples> read_wav(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status(StatusCode::kNotFound, "cannot open " + path);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  if (file.size() < kRiffHeaderBytes || !file.starts_with("RIFF") ||
      std::string_view(file).substr(8, 4) != "WAVE") {
    return Status(StatusCode::kInvalidArgument, path + " is not a WAV file");
  }
  if (!is_our_format(find_chunk(file, "fmt "))) {
    return Status(StatusCode::kInvalidArgument, path +
                                                    " is not 48 kHz, mono, 16 bit; convert it with "
                                                    "'sox in.wav -r 48000 -c 1 -b 16 out.wav'");
  }
  const std::string_view data = find_chunk(file, "data");
  Samples samples(data.size() / 2);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<std::int16_t>(read_number(data, 2 * i, 2));
  }
  return samples;
}

Status write_wav(const std::string& path, const Samples& samples) {
  const auto data_bytes = static_cast<std::uint32_t>(2 * samples.size());
  std::string file = "RIFF";
  append_number(file, 4 + kChunkHeaderBytes + kFormatBytes + kChunkHeaderBytes + data_bytes, 4);
  file += "WAVEfmt ";
  append_number(file, kFormatBytes, 4);
  append_number(file, 1, 2);                // PCM
  append_number(file, 1, 2);                // channels
  append_number(file, kSampleRate, 4);      // samples per second
  append_number(file, kSampleRate * 2, 4);  // bytes per second
  append_number(file, 2, 2);                // bytes per sample of all channels
  append_number(file, 16, 2);               // bits per sample
  file += "data";
  append_number(file, data_bytes, 4);
  for (const std::int16_t sample : samples) {
    append_number(file, static_cast<std::uint16_t>(sample), 2);
  }
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << file << std::flush;
  if (!out) return {StatusCode::kUnavailable, "cannot write " + path};
  return Status::ok();
}

}  // namespace intercom
