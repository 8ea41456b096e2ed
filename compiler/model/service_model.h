// What a .proto file says about its services, as plain structs. Emitters read it and need to know
// nothing of protobuf; it holds no detail of any target language.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace echostream::compiler {

/// A message type: package "acme.v1", path "Outer.Inner", declared in file "acme/robot.proto".
struct TypeName {
  std::string package;
  std::string path;
  std::string file;
};

enum class MethodKind : std::uint8_t {
  kRpc,        // one request, one reply
  kEvent,      // one message to a peer that serves it
  kPublished,  // events to subscribers; the request is their filter
  kStream,     // messages in one or both directions
};

enum class Delivery : std::uint8_t { kReliable, kExpiring, kDatagram };

enum class SlowSubscriber : std::uint8_t { kDropOldest, kDisconnect };

enum class OnReconnect : std::uint8_t { kEnd, kResume };

enum class PlayoutProfile : std::uint8_t { kBalanced, kLowLatency, kStrict };

enum class LatePolicy : std::uint8_t { kAuto, kSkip, kWait };

/// Zero: the runtime's default.
struct JitterBufferModel {
  PlayoutProfile profile = PlayoutProfile::kBalanced;
  LatePolicy late_policy = LatePolicy::kAuto;
  std::uint32_t min_delay_ms = 0;
  std::uint32_t max_delay_ms = 0;
  std::uint32_t initial_delay_ms = 0;
  double max_late_percent = 0;
  double max_stretch_percent = 0;
  std::uint32_t max_skew_ms = 0;
};

struct MethodModel {
  std::string name;       // "Grip"
  std::string full_name;  // "acme.v1.Robot/Grip"
  std::string comment;    // without the marks, lines separated by '\n', no newline at the end
  bool deprecated = false;
  TypeName request;
  TypeName reply;

  std::uint64_t id = 0;
  MethodKind kind = MethodKind::kRpc;
  bool client_streaming = false;
  bool server_streaming = false;

  // Zero, empty or nullopt: not said in the file.
  std::uint32_t deadline_ms = 0;
  bool idempotent = false;
  bool no_side_effects = false;  // implies idempotent
  std::uint32_t priority = 3;
  std::uint32_t keep_last = 0;
  std::uint32_t max_queue = 0;
  SlowSubscriber slow_subscriber = SlowSubscriber::kDropOldest;
  OnReconnect on_reconnect = OnReconnect::kEnd;
  Delivery delivery = Delivery::kReliable;
  std::uint32_t max_age_ms = 0;
  std::string sync_group;
  std::optional<JitterBufferModel> jitter_buffer;
};

struct ServiceModel {
  std::string name;       // "Robot"
  std::string full_name;  // "acme.v1.Robot"
  std::string comment;
  std::vector<MethodModel> methods;
};

struct FileModel {
  std::string path;     // "acme/robot.proto"
  std::string package;  // "acme.v1"
  std::vector<ServiceModel> services;
  /// Paths ("Outer.Inner") of all messages and enums of the file: names that services must not
  /// take.
  std::vector<std::string> type_paths;
  /// The file as an encoded google.protobuf.FileDescriptorProto, without comments and positions.
  std::string encoded_descriptor;
};

}  // namespace echostream::compiler
