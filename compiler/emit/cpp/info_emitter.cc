#include "compiler/emit/cpp/info_emitter.h"

#include <cinttypes>
#include <cstdio>

namespace echostream::compiler::cpp {
namespace {

constexpr std::size_t kDescriptorBytesPerLine = 40;

std::string kind_name(MethodKind kind) {
  switch (kind) {
    case MethodKind::kRpc:
      return "kRpc";
    case MethodKind::kEvent:
      return "kEvent";
    case MethodKind::kPublished:
      return "kPublished";
    case MethodKind::kStream:
      return "kStream";
  }
  return {};
}

std::string delivery_name(Delivery delivery) {
  switch (delivery) {
    case Delivery::kReliable:
      return "kReliable";
    case Delivery::kExpiring:
      return "kExpiring";
    case Delivery::kDatagram:
      return "kDatagram";
  }
  return {};
}

std::string slow_subscriber_name(SlowSubscriber slow_subscriber) {
  switch (slow_subscriber) {
    case SlowSubscriber::kDropOldest:
      return "kDropOldest";
    case SlowSubscriber::kDisconnect:
      return "kDisconnect";
  }
  return {};
}

std::string on_reconnect_name(OnReconnect on_reconnect) {
  switch (on_reconnect) {
    case OnReconnect::kEnd:
      return "kEnd";
    case OnReconnect::kResume:
      return "kResume";
  }
  return {};
}

std::string profile_name(PlayoutProfile profile) {
  switch (profile) {
    case PlayoutProfile::kBalanced:
      return "kBalanced";
    case PlayoutProfile::kLowLatency:
      return "kLowLatency";
    case PlayoutProfile::kStrict:
      return "kStrict";
  }
  return {};
}

std::string late_policy_name(LatePolicy policy) {
  switch (policy) {
    case LatePolicy::kAuto:
      return "kAuto";
    case LatePolicy::kSkip:
      return "kSkip";
    case LatePolicy::kWait:
      return "kWait";
  }
  return {};
}

std::string milliseconds(std::uint32_t count) {
  return "std::chrono::milliseconds(" + std::to_string(count) + ")";
}

std::string hexadecimal(std::uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%016" PRIx64, value);
  return text;
}

std::string share(double percent) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", percent / 100);
  return text;
}

/// The fields of echostream::JitterBufferOptions in their order, without those that have their
/// default.
std::string jitter_buffer(const JitterBufferModel& buffer) {
  std::string text = "{.enabled = true";
  const auto add = [&](bool is_set, const char* field, const std::string& value) {
    if (is_set) text += std::string(", .") + field + " = " + value;
  };
  add(buffer.profile != PlayoutProfile::kBalanced, "profile",
      "::echostream::PlayoutProfile::" + profile_name(buffer.profile));
  add(buffer.late_policy != LatePolicy::kAuto, "late_policy",
      "::echostream::LatePolicy::" + late_policy_name(buffer.late_policy));
  add(buffer.min_delay_ms != 0, "min_delay", milliseconds(buffer.min_delay_ms));
  add(buffer.max_delay_ms != 0, "max_delay", milliseconds(buffer.max_delay_ms));
  add(buffer.initial_delay_ms != 0, "initial_delay", milliseconds(buffer.initial_delay_ms));
  add(buffer.max_late_percent != 0, "max_late_share", share(buffer.max_late_percent));
  add(buffer.max_stretch_percent != 0, "max_stretch", share(buffer.max_stretch_percent));
  add(buffer.max_skew_ms != 0, "max_skew", milliseconds(buffer.max_skew_ms));
  return text + "}";
}

/// One row of the table: the fields of echostream::MethodInfo in their order, without those that
/// have their default.
std::string method_row(const MethodModel& method) {
  std::string row;
  const auto add = [&](bool is_set, const char* field, const std::string& value) {
    if (!is_set) return;
    row += std::string(row.empty() ? "{." : ",\n .") + field + " = " + value;
  };
  add(true, "name", string_literal(method.name));
  add(true, "full_name", string_literal(method.full_name));
  add(true, "id", hexadecimal(method.id));
  add(true, "kind", "::echostream::MethodKind::" + kind_name(method.kind));
  add(method.client_streaming, "client_streaming", "true");
  add(method.server_streaming, "server_streaming", "true");
  add(method.idempotent, "idempotent", "true");
  add(method.no_side_effects, "no_side_effects", "true");
  add(method.delivery != Delivery::kReliable, "delivery",
      "::echostream::Delivery::" + delivery_name(method.delivery));
  add(method.slow_subscriber != SlowSubscriber::kDropOldest, "slow_subscriber",
      "::echostream::SlowSubscriber::" + slow_subscriber_name(method.slow_subscriber));
  add(method.on_reconnect != OnReconnect::kEnd, "on_reconnect",
      "::echostream::OnReconnect::" + on_reconnect_name(method.on_reconnect));
  add(true, "priority", std::to_string(method.priority));
  add(method.keep_last != 0, "keep_last", std::to_string(method.keep_last));
  add(method.max_queue != 0, "max_queue", std::to_string(method.max_queue));
  add(method.deadline_ms != 0, "deadline", milliseconds(method.deadline_ms));
  add(method.max_age_ms != 0, "max_age", milliseconds(method.max_age_ms));
  // Always written: g++ 12 warns when a member without a default value is left out.
  add(true, "sync_group", string_literal(method.sync_group));
  add(true, "jitter_buffer", method.jitter_buffer ? jitter_buffer(*method.jitter_buffer) : "{}");
  return row + "},\n";
}

}  // namespace

void define_descriptor(const FileModel& file, const std::string& constant, CodeWriter& writer) {
  writer.print("// $path$ as an encoded google.protobuf.FileDescriptorProto.\n",
               {{"path", file.path}});
  writer.print("constexpr char $constant$[] =", {{"constant", constant}});
  const CodeWriter::Indented indented(writer);
  const CodeWriter::Indented indented_twice(writer);
  std::string_view bytes = file.encoded_descriptor;
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, kDescriptorBytesPerLine);
    bytes.remove_prefix(line.size());
    writer.print_raw(string_literal(line) + (bytes.empty() ? ";\n" : "\n"));
  }
}

void define_info(const ServiceModel& service, const ServiceNames& names,
                 const std::string& descriptor_constant, CodeWriter& writer) {
  if (!service.methods.empty()) {
    writer.print("\n\nconstexpr ::echostream::MethodInfo $table$[] = {\n",
                 {{"table", names.method_table}});
    {
      const CodeWriter::Indented indented(writer);
      const CodeWriter::Indented indented_twice(writer);
      for (const MethodModel& method : service.methods) writer.print_raw(method_row(method));
    }
    writer.print("};\n");
  }
  writer.print(R"(

constexpr ::echostream::ServiceInfo $info$ = {
    .full_name = $full_name$,
    .methods = $table$,
    .file_descriptor = {$descriptor$, sizeof($descriptor$) - 1}};
)",
               {{"info", names.info_constant},
                {"full_name", string_literal(service.full_name)},
                {"table", service.methods.empty() ? "{}" : names.method_table},
                {"descriptor", descriptor_constant}});
}

}  // namespace echostream::compiler::cpp
