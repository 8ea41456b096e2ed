// echostream recording info: what is in a recording.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>

#include "echostream/plugins/recording.h"

#include "tools/echostream/options.h"
#include "tools/echostream/recording/recording_command.h"
#include "tools/echostream/recording/recording_text.h"

namespace echostream::tool {

namespace {

constexpr const char* kExplanation =
    R"(Reads the whole file, also one that was cut or is damaged, and says what is missing.

Example:
  echostream recording info drive.mcap)";

struct Totals {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  WallTime first{};
  WallTime last{};

  void add(const RecordedMessage& message) {
    first = messages == 0 ? message.log_time : std::min(first, message.log_time);
    last = messages == 0 ? message.log_time : std::max(last, message.log_time);
    ++messages;
    bytes += message.data.size();
  }
};

std::string describe(const RecordedChannel& channel) {
  std::string text = printable(channel.schema_name);
  for (const char* key : {"side", "session", "slot"}) {
    const std::string_view value = channel.metadata_value(key);
    if (!value.empty()) text += std::string(", ") + key + " " + printable(value);
  }
  return text;
}

class InfoCommand final : public Command {
 public:
  explicit InfoCommand(CLI::App& recording)
      : Command(*recording.add_subcommand("info", "Say what is in a recording")) {
    app().footer(kExplanation);
    add_file(app(), "FILE", file_, "the recording")->required();
  }

  Status run() override {
    auto reader = RecordingReader::open(file_);
    if (!reader) return reader.error();
    Totals all;
    std::map<std::uint16_t, Totals> by_channel;
    while (auto message = reader->next()) {
      all.add(*message);
      by_channel[message->channel->id].add(*message);
    }
    std::cout << "written by  " << printable(reader->library()) << '\n';
    std::cout << "messages    " << all.messages << ", " << count(all.bytes, "byte") << '\n';
    if (all.messages > 0) {
      char seconds[32];
      std::snprintf(seconds, sizeof seconds, "%.3f",
                    std::chrono::duration<double>(all.last - all.first).count());
      std::cout << "from        " << utc(all.first) << '\n';
      std::cout << "to          " << utc(all.last) << ", " << seconds << " s\n";
    }
    const std::string damage = describe_damage(reader->damage());
    std::cout << "missing     " << (damage.empty() ? "nothing" : damage) << '\n';
    for (const RecordedMetadata& metadata : reader->metadata()) print(metadata);
    for (const RecordedChannel* channel : reader->channels()) {
      std::cout << printable(channel->topic) << "  " << by_channel[channel->id].messages << "  "
                << describe(*channel) << '\n';
    }
    return Status::ok();
  }

 private:
  static void print(const RecordedMetadata& metadata) {
    std::cout << printable(metadata.name);
    for (const auto& [key, value] : metadata.entries) {
      std::cout << "  " << printable(key) << '=' << printable(value);
    }
    std::cout << '\n';
  }

  std::string file_;
};

}  // namespace

std::unique_ptr<Command> make_info_command(CLI::App& recording) {
  return std::make_unique<InfoCommand>(recording);
}

}  // namespace echostream::tool
