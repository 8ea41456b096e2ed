#include "compiler/model/read_method.h"

#include "compiler/model/comments.h"
#include "compiler/model/method_id.h"

namespace echostream::compiler {
namespace {

TypeName read_type(const google::protobuf::Descriptor& type) {
  const std::string& package = type.file()->package();
  const std::size_t prefix = package.empty() ? 0 : package.size() + 1;
  return {package, type.full_name().substr(prefix), type.file()->name()};
}

MethodKind read_kind(const google::protobuf::MethodDescriptor& method) {
  const bool streams = method.client_streaming() || method.server_streaming();
  switch (echostream_options(method).kind_case()) {
    case MethodOptions::kEvent:
      return method.server_streaming() ? MethodKind::kPublished : MethodKind::kEvent;
    case MethodOptions::kRpc:
      return MethodKind::kRpc;
    case MethodOptions::kStream:
      return MethodKind::kStream;
    case MethodOptions::KIND_NOT_SET:
      break;
  }
  return streams ? MethodKind::kStream : MethodKind::kRpc;
}

// protobuf's own option says it for all protocols; ours can only add to it.
void read_idempotency(const google::protobuf::MethodDescriptor& method, MethodModel& model) {
  using Standard = google::protobuf::MethodOptions;
  const Standard::IdempotencyLevel level = method.options().idempotency_level();
  model.no_side_effects = level == Standard::NO_SIDE_EFFECTS;
  model.idempotent =
      level != Standard::IDEMPOTENCY_UNKNOWN || echostream_options(method).rpc().idempotent();
}

void read_rpc(const MethodOptions::Rpc& rpc, MethodModel& model) {
  model.deadline_ms = rpc.deadline_ms();
  if (rpc.has_priority()) model.priority = rpc.priority();
}

void read_event(const MethodOptions::Event& event, MethodModel& model) {
  model.keep_last = event.keep_last();
  model.max_queue = event.max_queue();
  if (event.slow_subscriber() == MethodOptions::Event::DISCONNECT) {
    model.slow_subscriber = SlowSubscriber::kDisconnect;
  }
  if (event.has_priority()) model.priority = event.priority();
  if (model.kind == MethodKind::kPublished &&
      event.on_reconnect() == MethodOptions::Event::RESUME) {
    model.on_reconnect = OnReconnect::kResume;
  }
}

JitterBufferModel read_jitter_buffer(const MethodOptions::JitterBuffer& buffer) {
  using Options = MethodOptions::JitterBuffer;
  JitterBufferModel model;
  if (buffer.profile() == Options::LOW_LATENCY) model.profile = PlayoutProfile::kLowLatency;
  if (buffer.profile() == Options::STRICT) model.profile = PlayoutProfile::kStrict;
  if (buffer.late_policy() == Options::SKIP) model.late_policy = LatePolicy::kSkip;
  if (buffer.late_policy() == Options::WAIT) model.late_policy = LatePolicy::kWait;
  model.min_delay_ms = buffer.min_delay_ms();
  model.max_delay_ms = buffer.max_delay_ms();
  model.initial_delay_ms = buffer.initial_delay_ms();
  model.max_late_percent = buffer.max_late_percent();
  model.max_stretch_percent = buffer.max_stretch_percent();
  model.max_skew_ms = buffer.max_skew_ms();
  return model;
}

void read_stream(const MethodOptions::Stream& stream, MethodModel& model) {
  if (stream.delivery() == MethodOptions::Stream::EXPIRING) model.delivery = Delivery::kExpiring;
  if (stream.delivery() == MethodOptions::Stream::DATAGRAM) model.delivery = Delivery::kDatagram;
  model.max_age_ms = stream.max_age_ms();
  if (stream.has_priority()) model.priority = stream.priority();
  model.sync_group = stream.sync_group();
  if (stream.on_reconnect() == MethodOptions::Stream::RESUME) {
    model.on_reconnect = OnReconnect::kResume;
  }
  if (stream.has_jitter_buffer()) model.jitter_buffer = read_jitter_buffer(stream.jitter_buffer());
}

}  // namespace

const MethodOptions& echostream_options(const google::protobuf::MethodDescriptor& method) {
  return method.options().GetExtension(echostream::method);
}

bool returns_nothing(const google::protobuf::MethodDescriptor& method) {
  return !method.server_streaming() && method.output_type()->full_name() == "google.protobuf.Empty";
}

MethodModel read_method(const google::protobuf::MethodDescriptor& method) {
  const MethodOptions& options = echostream_options(method);
  MethodModel model;
  model.name = method.name();
  model.full_name = method.service()->full_name() + "/" + method.name();
  model.comment = read_comment(method);
  model.deprecated = method.options().deprecated();
  model.request = read_type(*method.input_type());
  model.reply = read_type(*method.output_type());
  model.id = options.has_id() ? options.id() : hashed_method_id(model.full_name);
  model.kind = read_kind(method);
  model.client_streaming = method.client_streaming();
  model.server_streaming = method.server_streaming();
  if (model.kind == MethodKind::kRpc) read_idempotency(method, model);
  if (options.has_rpc()) read_rpc(options.rpc(), model);
  if (options.has_event()) read_event(options.event(), model);
  if (options.has_stream()) read_stream(options.stream(), model);
  return model;
}

}  // namespace echostream::compiler
