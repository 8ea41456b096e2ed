// Recordings in memory, for tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echostream/plugins/recording.h"

#include "runtime/plugins/recorder/mcap/writer.h"

namespace echostream::recorder {

class MemorySink final : public mcap::ByteSink {
 public:
  Status append(BytesView bytes) override {
    file.append(as_text(bytes));
    return Status::ok();
  }
  std::string file;
};

/// Two chunks with three messages each, on two channels, and a metadata record in front.
inline std::string small_recording(RecordingCompression compression) {
  MemorySink sink;
  mcap::WriterOptions options;
  options.compression = compression;
  mcap::Writer writer(sink, options);
  EXPECT_TRUE(writer.begin().is_ok());
  EXPECT_TRUE(writer.add_metadata("echostream.session", {{"peer", "[::1]:1"}}).is_ok());
  const auto schema = writer.add_schema("a.B", "protobuf", "no descriptor");
  std::uint16_t channels[2] = {};
  for (std::uint16_t& id : channels) {
    mcap::Channel channel;
    channel.schema_id = *schema;
    channel.topic = &id == &channels[0] ? "/a" : "/b";
    channel.message_encoding = "protobuf";
    id = *writer.add_channel(channel);
  }
  for (std::uint32_t i = 0; i < 6; ++i) {
    const std::string data = "message " + std::to_string(i);
    EXPECT_TRUE(writer.write({channels[i % 2], i, 1000 + i, 900 + i}, as_bytes(data)).is_ok());
    if (i == 2) {
      EXPECT_TRUE(writer.flush().is_ok());
    }
  }
  EXPECT_TRUE(writer.finish().is_ok());
  return sink.file;
}

struct ReadBack {
  std::vector<std::string> messages;
  RecordingDamage damage;
};
/// Nothing when it is no MCAP file at all.
inline std::optional<ReadBack> read_back(std::string_view file, RecordingOptions options = {}) {
  auto reader = RecordingReader::from_bytes(Buffer::copy(file), options);
  if (!reader) return std::nullopt;
  ReadBack read;
  while (auto message = reader->next()) read.messages.emplace_back(as_text(message->data));
  read.damage = reader->damage();
  return read;
}

/// A folder that is deleted in the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "recorder.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace echostream::recorder
