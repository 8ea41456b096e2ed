#include "compiler/model/method_changes.h"

#include <google/protobuf/descriptor.pb.h>

#include "compiler/model/read_method.h"

namespace echostream::compiler {
namespace {

using google::protobuf::MethodDescriptor;
using google::protobuf::MethodDescriptorProto;

std::string full_name(const TypeName& type) {
  return type.package.empty() ? type.path : type.package + "." + type.path;
}

std::string kind_text(MethodKind kind) {
  switch (kind) {
    case MethodKind::kRpc:
      return "an rpc";
    case MethodKind::kEvent:
      return "an event to one peer";
    case MethodKind::kPublished:
      return "a published event";
    case MethodKind::kStream:
      return "a stream";
  }
  return {};
}

std::string delivery_text(Delivery delivery) {
  switch (delivery) {
    case Delivery::kReliable:
      return "RELIABLE";
    case Delivery::kExpiring:
      return "EXPIRING";
    case Delivery::kDatagram:
      return "DATAGRAM";
  }
  return {};
}

std::string streaming_text(bool is_streaming) { return is_streaming ? "a stream" : "one message"; }

}  // namespace

std::string removed_method(const MethodModel& old_method) {
  return "method " + old_method.full_name +
         " was removed, but older nodes still call it; put it back with `option deprecated = "
         "true;` "
         "(or, if it has a new name, set `id: " +
         std::to_string(old_method.id) + "` there)";
}

void compare_methods(const MethodModel& old_method, const MethodDescriptor& method,
                     const SourceMap& source, Diagnostics& diagnostics) {
  const MethodModel now = read_method(method);
  const SourcePath path = path_of(method);
  const auto error = [&](int field, const std::string& what) {
    SourcePath part = path;
    part.push_back(field);
    diagnostics.error(source.locate(part), "method " + now.name + ": " + what);
  };
  const std::string new_method = "; change it back, or add a method with another name";
  constexpr int kOptions = MethodDescriptorProto::kOptionsFieldNumber;

  if (now.id != old_method.id) {
    error(kOptions, "its id changed from " + std::to_string(old_method.id) + " to " +
                        std::to_string(now.id) + "; set `id: " + std::to_string(old_method.id) +
                        "`");
  }
  if (now.client_streaming != old_method.client_streaming) {
    error(MethodDescriptorProto::kInputTypeFieldNumber,
          "its request was " + streaming_text(old_method.client_streaming) + " and is now " +
              streaming_text(now.client_streaming) + new_method);
  }
  if (now.server_streaming != old_method.server_streaming) {
    error(MethodDescriptorProto::kOutputTypeFieldNumber,
          "its reply was " + streaming_text(old_method.server_streaming) + " and is now " +
              streaming_text(now.server_streaming) + new_method);
  }
  if (full_name(now.request) != full_name(old_method.request)) {
    error(MethodDescriptorProto::kInputTypeFieldNumber, "its request type changed from " +
                                                            full_name(old_method.request) + " to " +
                                                            full_name(now.request) + new_method);
  }
  if (full_name(now.reply) != full_name(old_method.reply)) {
    error(MethodDescriptorProto::kOutputTypeFieldNumber, "its reply type changed from " +
                                                             full_name(old_method.reply) + " to " +
                                                             full_name(now.reply) + new_method);
  }
  const bool same_shape = now.client_streaming == old_method.client_streaming &&
                          now.server_streaming == old_method.server_streaming;
  if (same_shape && now.kind != old_method.kind) {
    error(kOptions,
          "was " + kind_text(old_method.kind) + " and is now " + kind_text(now.kind) + new_method);
  }
  if (now.delivery != old_method.delivery) {
    error(kOptions, "its delivery changed from " + delivery_text(old_method.delivery) + " to " +
                        delivery_text(now.delivery) + new_method);
  }
  if (old_method.idempotent && !now.idempotent) {
    error(kOptions,
          "was idempotent, so older nodes may send it twice, as they do with 0-RTT data that was "
          "rejected; put `idempotent: true` back, or add a method with another name");
  } else if (old_method.no_side_effects && !now.no_side_effects) {
    error(
        kOptions,
        "had no side effects, so older clients may call it by GET over HTTP, which is now refused; "
        "put `option idempotency_level = NO_SIDE_EFFECTS;` back, or add a method with another "
        "name");
  }
}

}  // namespace echostream::compiler
