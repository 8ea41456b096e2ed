#include "playout_profile.h"

#include "echostream/base/check.h"

#include "intercom.echostream.h"

namespace intercom {

using echostream::JitterBufferOptions;
using echostream::PlayoutProfile;
using echostream::Result;
using echostream::Status;
using echostream::StatusCode;

Result<PlayoutProfile> parse_profile(std::string_view name) {
  for (const PlayoutProfile profile :
       {PlayoutProfile::kLowLatency, PlayoutProfile::kBalanced, PlayoutProfile::kStrict}) {
    if (name == profile_name(profile)) return profile;
  }
  return Status(StatusCode::kInvalidArgument,
                "'" + std::string(name) + "' is not 'low-latency', 'balanced' or 'strict'");
}

std::string profile_name(PlayoutProfile profile) {
  switch (profile) {
    case PlayoutProfile::kLowLatency:
      return "low-latency";
    case PlayoutProfile::kBalanced:
      return "balanced";
    case PlayoutProfile::kStrict:
      return "strict";
  }
  return "unknown";
}

JitterBufferOptions voice_buffer(std::optional<PlayoutProfile> profile) {
  JitterBufferOptions options;
  for (const echostream::MethodInfo& method : v1::Intercom::info().methods) {
    if (method.name == "Voice") options = method.jitter_buffer;
  }
  ECHOSTREAM_CHECK(options.enabled, "intercom.proto gives the voice a jitter buffer");
  if (profile) options.profile = *profile;
  return options;
}

}  // namespace intercom
