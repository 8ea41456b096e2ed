#include "tools/echostream/remote/model_schema.h"

#include <memory>
#include <string>
#include <utility>

#include "compiler/model/build_model.h"
#include "compiler/model/diagnostics.h"

namespace echostream::tool {

namespace {

using compiler::FileModel;
using compiler::JitterBufferModel;
using compiler::MethodModel;

std::chrono::milliseconds milliseconds(std::uint32_t count) {
  return std::chrono::milliseconds(count);
}

JitterBufferOptions jitter_buffer(const JitterBufferModel& model) {
  JitterBufferOptions options;
  options.enabled = true;
  switch (model.profile) {
    case compiler::PlayoutProfile::kBalanced:
      options.profile = PlayoutProfile::kBalanced;
      break;
    case compiler::PlayoutProfile::kLowLatency:
      options.profile = PlayoutProfile::kLowLatency;
      break;
    case compiler::PlayoutProfile::kStrict:
      options.profile = PlayoutProfile::kStrict;
      break;
  }
  switch (model.late_policy) {
    case compiler::LatePolicy::kAuto:
      options.late_policy = LatePolicy::kAuto;
      break;
    case compiler::LatePolicy::kSkip:
      options.late_policy = LatePolicy::kSkip;
      break;
    case compiler::LatePolicy::kWait:
      options.late_policy = LatePolicy::kWait;
      break;
  }
  options.min_delay = milliseconds(model.min_delay_ms);
  options.max_delay = milliseconds(model.max_delay_ms);
  options.initial_delay = milliseconds(model.initial_delay_ms);
  options.max_late_share = model.max_late_percent / 100;
  options.max_stretch = model.max_stretch_percent / 100;
  options.max_skew = milliseconds(model.max_skew_ms);
  return options;
}

MethodKind kind_of(compiler::MethodKind kind) {
  switch (kind) {
    case compiler::MethodKind::kRpc:
      return MethodKind::kRpc;
    case compiler::MethodKind::kEvent:
      return MethodKind::kEvent;
    case compiler::MethodKind::kPublished:
      return MethodKind::kPublished;
    case compiler::MethodKind::kStream:
      return MethodKind::kStream;
  }
  return MethodKind::kRpc;
}

Delivery delivery_of(compiler::Delivery delivery) {
  switch (delivery) {
    case compiler::Delivery::kReliable:
      return Delivery::kReliable;
    case compiler::Delivery::kExpiring:
      return Delivery::kExpiring;
    case compiler::Delivery::kDatagram:
      return Delivery::kDatagram;
  }
  return Delivery::kReliable;
}

std::string type_name(const compiler::TypeName& type) {
  return type.package.empty() ? type.path : type.package + "." + type.path;
}

std::unique_ptr<SchemaMethod> method_of(const MethodModel& model) {
  auto method = std::make_unique<SchemaMethod>();
  method->name = model.name;
  method->full_name = model.full_name;
  method->input_type = type_name(model.request);
  method->output_type = type_name(model.reply);
  method->comment = model.comment;
  method->sync_group = model.sync_group;
  MethodInfo& info = method->info;
  info.id = model.id;
  info.kind = kind_of(model.kind);
  info.client_streaming = model.client_streaming;
  info.server_streaming = model.server_streaming;
  info.idempotent = model.idempotent;
  info.no_side_effects = model.no_side_effects;
  info.delivery = delivery_of(model.delivery);
  info.slow_subscriber = model.slow_subscriber == compiler::SlowSubscriber::kDisconnect
                             ? SlowSubscriber::kDisconnect
                             : SlowSubscriber::kDropOldest;
  info.on_reconnect = model.on_reconnect == compiler::OnReconnect::kResume ? OnReconnect::kResume
                                                                           : OnReconnect::kEnd;
  info.priority = static_cast<std::uint8_t>(model.priority);
  info.keep_last = model.keep_last;
  info.max_queue = model.max_queue;
  info.deadline = milliseconds(model.deadline_ms);
  info.max_age = milliseconds(model.max_age_ms);
  if (model.jitter_buffer) info.jitter_buffer = jitter_buffer(*model.jitter_buffer);
  bind_names(*method);
  return method;
}

}  // namespace

Status add_services(const std::vector<const google::protobuf::FileDescriptor*>& files,
                    Schema& schema) {
  compiler::Diagnostics diagnostics;
  const std::vector<FileModel> models = compiler::build_models(files, diagnostics);
  if (!diagnostics.empty()) return {StatusCode::kInvalidArgument, diagnostics.to_string()};
  for (const FileModel& file : models) {
    for (const auto& service : file.services) {
      SchemaService& known = schema.services().emplace_back();
      known.full_name = service.full_name;
      known.comment = service.comment;
      for (const MethodModel& method : service.methods) known.methods.push_back(method_of(method));
    }
  }
  return Status::ok();
}

}  // namespace echostream::tool
