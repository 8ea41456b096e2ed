// Recordings of the Lab service, for the tests of the recorder.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "echostream/plugins/recorder.h"
#include "echostream/plugins/recording.h"

#include "runtime/plugins/recorder/recorder_test_support.h"
#include "tests/support/lab.h"

namespace echostream::testing {

struct TapedMessage {
  std::string topic;
  std::string json;
  std::uint32_t sequence = 0;
  WallTime log_time{};
  WallTime publish_time{};
  std::vector<std::pair<std::string, std::string>> channel;

  std::string value(std::string_view key) const {
    for (const auto& [name, text] : channel) {
      if (name == key) return text;
    }
    return "";
  }
};

/// A recorder, and what it wrote.
class Tape {
 public:
  RecorderOptions options() const {
    RecorderOptions chosen(path());
    chosen.compression = RecordingCompression::kNone;
    return chosen;
  }
  std::string path() const { return folder_.file("tape.mcap"); }
  /// Before the node starts.
  void attach(Node& node) { attach(node, options()); }
  void attach(Node& node, const RecorderOptions& chosen) {
    auto made = make_recorder_plugin(chosen);
    ASSERT_TRUE(made.has_value()) << made.status();
    recorder = *made;
    const Status added = node.add_plugin(recorder);
    ASSERT_TRUE(added.is_ok()) << added;
  }
  /// Those of the calls alone.
  std::vector<TapedMessage> messages() {
    std::vector<TapedMessage> calls;
    for (TapedMessage& message : all_messages()) {
      if (message.topic.rfind("/echostream/", 0) != 0) calls.push_back(std::move(message));
    }
    return calls;
  }
  std::vector<TapedMessage> messages(const std::string& topic) {
    std::vector<TapedMessage> chosen;
    for (TapedMessage& message : all_messages()) {
      if (message.topic == topic) chosen.push_back(std::move(message));
    }
    return chosen;
  }
  std::vector<TapedMessage> all_messages() {
    std::vector<TapedMessage> messages;
    if (recorder) recorder->flush();
    auto reader = RecordingReader::open(path());
    EXPECT_TRUE(reader.has_value()) << reader.status();
    if (!reader) return messages;
    RecordingPrinter printer;
    while (auto next = reader->next()) {
      const auto json = printer.to_json(*next->channel, next->data);
      EXPECT_TRUE(json.has_value()) << json.status();
      messages.push_back({next->channel->topic, json.value_or(""), next->sequence, next->log_time,
                          next->publish_time, next->channel->metadata});
    }
    metadata = reader->metadata();
    return messages;
  }
  std::string bytes() {
    if (recorder) recorder->flush();
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::shared_ptr<RecorderPlugin> recorder;
  std::vector<RecordedMetadata> metadata;

 private:
  recorder::TemporaryFolder folder_;
};

/// Each as "topic json".
inline std::vector<std::string> lines(const std::vector<TapedMessage>& messages) {
  std::vector<std::string> all;
  for (const TapedMessage& message : messages) all.push_back(message.topic + " " + message.json);
  return all;
}

/// What a client of Tick saw of the frames.
struct TickedFrame {
  std::int64_t count = 0;
  RemoteTime captured{};
  LocalTime arrived{};
};
inline lab::v1::Ticks ticks(std::int64_t count, std::int64_t interval_ms, std::int64_t pause_ms) {
  lab::v1::Ticks request;
  request.set_count(count);
  request.set_captured_ms(3'606'000);  // simulated clocks begin at an hour
  request.set_interval_ms(interval_ms);
  request.set_pause_ms(pause_ms);
  return request;
}
inline Task<std::vector<TickedFrame>> read_ticks(lab::v1::Lab::Client lab, lab::v1::Ticks request) {
  auto reader = co_await lab.Tick(request);
  std::vector<TickedFrame> frames;
  while (auto frame = co_await reader.next()) {
    frames.push_back({frame->message.count(), frame->capture_time, frame->arrival_time});
  }
  EXPECT_TRUE(reader.status().is_ok()) << reader.status();
  co_return frames;
}

}  // namespace echostream::testing
