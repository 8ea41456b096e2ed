#include "station_flags.h"

namespace intercom {

void add_station_flags(examples::Arguments& flags, StationOptions& options) {
  ConversationOptions& voice = options.conversation;
  flags.text("--name", "NAME", "the station's name [" + voice.station + "]", voice.station);
  flags.texts("--voice", "FILE", "a WAV file to speak, 48 kHz mono 16 bit; may be repeated",
              voice.voice);
  flags.required();
  flags.duration("--playout-delay", "voice is played that long after its capture [80ms]",
                 voice.playout_delay);
  flags.duration("--mute-at", "when in the call the microphone is muted [0]", voice.mute_at);
  flags.duration("--mute-for", "for how long [0]", voice.mute_for);
  flags.text("--record", "FILE", "where to write what was heard, as WAV", voice.record_path);
  flags.text("--csv", "FILE", "where to write what became of each frame", voice.csv_path);
}

}  // namespace intercom
