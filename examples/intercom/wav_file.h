// Reads and writes WAV files of 48 kHz, mono, 16 bit.
#pragma once

#include <string>

#include "echostream/base/result.h"

#include "audio_format.h"

namespace intercom {

/// kNotFound, or kInvalidArgument for another format; the message names the file.
echostream::Result<Samples> read_wav(const std::string& path);
echostream::Status write_wav(const std::string& path, const Samples& samples);

}  // namespace intercom
