// echostream recording cat: the messages of a recording, one on each line.
#include <iostream>

#include "echostream/plugins/recording.h"

#include "tools/echostream/options.h"
#include "tools/echostream/recording/recording_command.h"
#include "tools/echostream/recording/recording_text.h"

namespace echostream::tool {

namespace {

constexpr const char* kExplanation =
    R"(Prints each message as JSON, by the descriptors in the file, in the order in which they were recorded.
A line is the time, the topic, the sequence number and the message; with --json all of it is one object with
topic, log_time, publish_time, sequence and data (or error, when the message cannot be decoded).
Exit code 1 after the last message when the file was cut or is damaged, which with --json is an object, too:
{"status":"DATA_LOSS","code":15,"message":"...","details":[]}.

Example:
  echostream recording cat drive.mcap --topic /acme.v1.Robot/Grip/request --json)";

class CatCommand final : public Command {
 public:
  explicit CatCommand(CLI::App& recording)
      : Command(*recording.add_subcommand("cat", "Print the messages of a recording")) {
    app().footer(kExplanation);
    add_file(app(), "FILE", file_, "the recording")->required();
    app().add_option("--topic", topics_, "only messages of this topic; may be repeated");
    add_json_flag("one JSON object on each line");
  }

  Status run() override {
    auto reader = RecordingReader::open(file_);
    if (!reader) return reader.error();
    RecordingPrinter printer;
    while (auto message = reader->next()) {
      if (!is_wanted(message->channel->topic)) continue;
      const auto data = printer.to_json(*message->channel, message->data);
      wants_json() ? print_json(*message, data) : print_text(*message, data);
    }
    std::cout.flush();
    if (!std::cout) return {StatusCode::kUnavailable, "the output cannot be written"};
    const std::string damage = describe_damage(reader->damage());
    if (!damage.empty()) return {StatusCode::kDataLoss, file_ + ": " + damage};
    return Status::ok();
  }

 private:
  bool is_wanted(const std::string& topic) const {
    if (topics_.empty()) return true;
    for (const std::string& wanted : topics_) {
      if (wanted == topic) return true;
    }
    return false;
  }

  static void print_text(const RecordedMessage& message, const Result<std::string>& data) {
    std::cout << utc(message.log_time) << ' ' << printable(message.channel->topic) << " #"
              << message.sequence << ' '
              << (data ? *data : "cannot be decoded: " + printable(data.error().message())) << '\n';
  }

  static void print_json(const RecordedMessage& message, const Result<std::string>& data) {
    std::cout << "{\"topic\":" << json_string(message.channel->topic) << ",\"log_time\":\""
              << utc(message.log_time) << "\",\"publish_time\":\"" << utc(message.publish_time)
              << "\",\"sequence\":" << message.sequence << (data ? ",\"data\":" : ",\"error\":")
              << (data ? *data : json_string(data.error().message())) << "}\n";
  }

  std::string file_;
  std::vector<std::string> topics_;
};

}  // namespace

std::unique_ptr<Command> make_cat_command(CLI::App& recording) {
  return std::make_unique<CatCommand>(recording);
}

}  // namespace echostream::tool
