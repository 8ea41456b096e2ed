#include "station_flags.h"

#include <iostream>
#include <string>

#include "playout_profile.h"

namespace intercom {

namespace {

// As for every other flag that cannot be used (arguments.h).
constexpr int kBadFlags = 2;

}  // namespace

std::optional<int> parse_station_flags(examples::Arguments& flags, int argument_count,
                                       char** arguments, StationOptions& options) {
  ConversationOptions& voice = options.conversation;
  std::string profile;
  flags.text("--name", "NAME", "the station's name [" + voice.station + "]", voice.station);
  flags.texts("--voice", "FILE", "a WAV file to speak, 48 kHz mono 16 bit; may be repeated",
              voice.voice);
  flags.required();
  flags.text("--profile", "PROFILE",
             "of the jitter buffer: low-latency, balanced or strict [" +
                 profile_name(voice_buffer(std::nullopt).profile) + "]",
             profile);
  flags.duration("--mute-at", "when in the call the microphone is muted [0]", voice.mute_at);
  flags.duration("--mute-for", "for how long [0]", voice.mute_for);
  flags.text("--record", "FILE", "where to write what was heard, as WAV", voice.record_path);
  flags.text("--recording", "FILE",
             "where to record all messages, as MCAP (docs/plugins/recorder.md)",
             options.recording_path);
  flags.text("--csv", "FILE", "where to write what became of each frame", voice.csv_path);
  if (const auto exit_code = flags.parse(argument_count, arguments)) return exit_code;
  if (profile.empty()) return std::nullopt;
  auto chosen = parse_profile(profile);
  if (!chosen) {
    std::cerr << arguments[0] << ": --profile: " << chosen.error().message() << '\n';
    return kBadFlags;
  }
  voice.profile = *chosen;
  return std::nullopt;
}

}  // namespace intercom
