// The calls of a recording, put together from its messages. No I/O, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/time.h"
#include "echostream/plugins/recording.h"

#include "runtime/plugins/recorder/method_metadata.h"

namespace echostream::recorder {

struct ReplayFrame {
  /// Since the call's beginning; a frame of before is due at once.
  Duration at{};
  Buffer bytes;
};

struct ReplayCall {
  /// None when a recording began within a call, and for streams from the caller.
  std::optional<Buffer> request;
  /// The reply of an rpc or client stream is the only one.
  std::vector<ReplayFrame> responses;
  /// Of calls that had not ended: none.
  std::optional<Status> end;
  /// By the node that served it, not by the caller.
  bool is_of_server = false;
};

struct ReplayMethod {
  explicit ReplayMethod(std::string full_name) : method(std::move(full_name)) {}
  RecordedMethod method;
  std::vector<ReplayCall> calls;
};

class ReplayScript {
 public:
  explicit ReplayScript(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// In the order of the file. RESOURCE_EXHAUSTED beyond the limit, INVALID_ARGUMENT when a channel
  /// that says it is of a recorder contradicts itself.
  Status add(const RecordedMessage& message);
  /// By full name.
  std::map<std::string, ReplayMethod>& methods() { return methods_; }
  std::size_t messages() const { return messages_; }

 private:
  /// What has its messages in channels of its own.
  using Place = std::tuple<std::string, std::string, std::string, std::string>;
  struct OpenCall {
    ReplayMethod* method = nullptr;
    std::size_t index = 0;
    std::uint64_t begun_at = 0;
  };
  struct KnownChannel {
    ReplayMethod* method = nullptr;
    Place place;
    bool is_request = false;
  };

  Result<const KnownChannel*> find_channel(const RecordedChannel& channel);
  Status hold(std::size_t bytes);
  void add_request(const KnownChannel& channel, const RecordedMessage& message);
  void add_response(const KnownChannel& channel, const RecordedMessage& message);
  void add_end(BytesView encoded);
  OpenCall& begin_call(const KnownChannel& channel, std::uint64_t time);

  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::size_t messages_ = 0;
  std::map<std::string, ReplayMethod> methods_;
  std::map<std::uint16_t, KnownChannel> channels_;
  std::map<Place, OpenCall> open_;
};

}  // namespace echostream::recorder
