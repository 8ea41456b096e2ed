#include "tools/echostream/call/describe_text.h"

#include <cstdio>

#include "echostream/base/printable.h"

#include "tools/echostream/call/type_text.h"
#include "tools/echostream/io/json_line.h"
#include "tools/echostream/io/latency_histogram.h"

namespace echostream::tool {

namespace {

std::string_view delivery_name(Delivery delivery) {
  switch (delivery) {
    case Delivery::kReliable:
      return "RELIABLE";
    case Delivery::kExpiring:
      return "EXPIRING";
    case Delivery::kDatagram:
      return "DATAGRAM";
  }
  return "";
}

std::string_view profile_name(PlayoutProfile profile) {
  switch (profile) {
    case PlayoutProfile::kLowLatency:
      return "LOW_LATENCY";
    case PlayoutProfile::kBalanced:
      return "BALANCED";
    case PlayoutProfile::kStrict:
      return "STRICT";
  }
  return "";
}

std::string short_milliseconds(Duration time) {
  char text[48];
  std::snprintf(text, sizeof text, "%g ms", in_milliseconds(time));
  return text;
}

std::string jitter_buffer_text(const JitterBufferOptions& buffer) {
  std::string text = "jitter buffer " + std::string(profile_name(buffer.profile));
  if (buffer.min_delay > Duration()) text += " from " + short_milliseconds(buffer.min_delay);
  if (buffer.max_delay > Duration()) text += " up to " + short_milliseconds(buffer.max_delay);
  return text;
}

// What the options of a method say, where that is not the default.
std::string options_text(const SchemaMethod& method) {
  const MethodInfo& info = method.info;
  std::string text(to_string(info.kind));
  const auto add = [&](bool is_said, const std::string& what) {
    if (is_said) text += ", " + what;
  };
  const bool is_stream = info.kind == MethodKind::kStream;
  add(is_stream, std::string(delivery_name(info.delivery)));
  add(info.max_age > Duration(), "max age " + short_milliseconds(info.max_age));
  add(info.deadline > Duration(), "deadline " + short_milliseconds(info.deadline));
  add(info.idempotent && !info.no_side_effects, "idempotent");
  add(info.no_side_effects, "no side effects");
  add(info.priority != 3, "priority " + std::to_string(info.priority));
  add(info.keep_last > 0, "keeps the last " + std::to_string(info.keep_last));
  add(info.max_queue > 0, "queue of " + std::to_string(info.max_queue));
  add(info.slow_subscriber == SlowSubscriber::kDisconnect, "slow subscribers are disconnected");
  add(!method.sync_group.empty(), "sync group " + echostream::printable(method.sync_group));
  add(info.jitter_buffer.enabled, jitter_buffer_text(info.jitter_buffer));
  return text;
}

std::string indented(const std::string& text, const std::string& before) {
  std::string out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    out += before + echostream::printable(text.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  return out;
}

std::string comment_text(const std::string& comment, const std::string& before) {
  return indented(comment, before + "// ");
}

// Without its package, where one of the services has the same, or a method takes or gives it.
std::string type_text_of(const Schema& schema, const std::string& name) {
  std::string text = type_definition(schema, name);
  for (const SchemaService& service : schema.services()) {
    const std::size_t dot = service.full_name.rfind('.');
    if (!text.empty()) break;
    if (dot == std::string::npos) continue;
    text = type_definition(schema, service.full_name.substr(0, dot + 1) + name);
  }
  for (const std::string& type : schema.types_of_methods()) {
    if (!text.empty()) break;
    if (type.ends_with("." + name)) text = type_definition(schema, type);
  }
  return text;
}

JsonLine method_object(const SchemaMethod& method) {
  const MethodInfo& info = method.info;
  JsonLine line;
  // Text, as protobuf's JSON has it: most readers of JSON keep 53 bits of a number.
  line.add("name", method.full_name).add("kind", to_string(info.kind));
  line.add("id", std::to_string(info.id));
  line.add("input", method.input_type).add("output", method.output_type);
  line.add("client_streaming", info.client_streaming);
  line.add("server_streaming", info.server_streaming);
  line.add("priority", static_cast<int>(info.priority));
  if (info.idempotent) line.add("idempotent", true);
  if (info.no_side_effects) line.add("no_side_effects", true);
  if (info.deadline > Duration()) line.add("deadline_ms", in_milliseconds(info.deadline));
  if (info.kind == MethodKind::kStream) line.add("delivery", delivery_name(info.delivery));
  if (info.max_age > Duration()) line.add("max_age_ms", in_milliseconds(info.max_age));
  if (info.keep_last > 0) line.add("keep_last", info.keep_last);
  if (!method.sync_group.empty()) line.add("sync_group", method.sync_group);
  if (info.jitter_buffer.enabled) {
    line.add("jitter_buffer", profile_name(info.jitter_buffer.profile));
  }
  if (!method.comment.empty()) line.add("comment", method.comment);
  return line;
}

}  // namespace

std::string_view to_string(MethodKind kind) {
  switch (kind) {
    case MethodKind::kRpc:
      return "rpc";
    case MethodKind::kEvent:
      return "event";
    case MethodKind::kPublished:
      return "published";
    case MethodKind::kStream:
      return "stream";
  }
  return "";
}

std::string signature_of(const SchemaMethod& method) {
  const auto type = [](bool is_stream, const std::string& name) {
    return "(" + std::string(is_stream ? "stream " : "") + echostream::printable(name) + ")";
  };
  return type(method.info.client_streaming, method.input_type) + " returns " +
         type(method.info.server_streaming, method.output_type);
}

std::string list_text(const Schema& schema) {
  std::string text;
  for (const SchemaService& service : schema.services()) {
    text += echostream::printable(service.full_name) + "\n";
    for (const auto& method : service.methods) {
      std::string kind(to_string(method->info.kind));
      kind.resize(11, ' ');
      text += "  " + kind + echostream::printable(method->name) + signature_of(*method) + "\n";
    }
  }
  return text;
}

std::string service_text(const SchemaService& service) {
  std::string text = comment_text(service.comment, "");
  text += "service " + echostream::printable(service.full_name) + "\n";
  for (const auto& method : service.methods) {
    text += comment_text(method->comment, "  ");
    text += "  " + echostream::printable(method->name) + signature_of(*method) + "\n      " +
            options_text(*method) + "\n";
  }
  return text;
}

std::string service_json(const SchemaService& service) {
  std::vector<std::string> methods;
  for (const auto& method : service.methods) methods.push_back(method_json(*method));
  JsonLine line;
  line.add("service", service.full_name).add_json("methods", json_list(methods));
  if (!service.comment.empty()) line.add("comment", service.comment);
  return line.text();
}

std::string method_text(const Schema& schema, const SchemaMethod& method) {
  char id[24];
  std::snprintf(id, sizeof id, "0x%016llx", static_cast<unsigned long long>(method.info.id));
  std::string text = comment_text(method.comment, "");
  text += echostream::printable(method.full_name) + signature_of(method) + "\n  " +
          options_text(method) + "\n  id " + id + "\n\n" +
          type_definition(schema, method.input_type);
  if (method.output_type != method.input_type) {
    text += "\n" + type_definition(schema, method.output_type);
  }
  return text;
}

std::string method_json(const SchemaMethod& method) { return method_object(method).text(); }

Result<std::string> describe_text(const Schema& schema, const std::string& name, bool as_json) {
  const auto service = schema.find_service(name);
  if (service) return as_json ? service_json(**service) + "\n" : service_text(**service);
  const std::string type = type_text_of(schema, name);
  if (!type.empty()) {
    return as_json ? JsonLine().add("type", name).add("text", type).text() + "\n" : type;
  }
  if (service.error().code() == StatusCode::kInvalidArgument) return service.error();
  auto method = schema.find_method(name);
  if (method) return as_json ? method_json(**method) + "\n" : method_text(schema, **method);
  if (method.error().code() == StatusCode::kInvalidArgument) return method.error();
  const std::string nearest = schema.nearest_names(name);
  return Status(StatusCode::kNotFound,
                "there is no service, method or type '" + name + "'; " +
                    (nearest.empty() ? "'list' shows what there is" : "is it " + nearest + "?"));
}

}  // namespace echostream::tool
