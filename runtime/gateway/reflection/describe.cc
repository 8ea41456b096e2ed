#include "runtime/gateway/reflection/describe.h"

#include <google/protobuf/descriptor.h>

#include <chrono>
#include <set>
#include <string>
#include <utility>

namespace echostream::internal {
namespace {

using google::protobuf::ServiceDescriptor;
using google::protobuf::SourceLocation;
using reflection::v1::DescribeRequest;
using reflection::v1::DescribeResponse;
using reflection::v1::JitterBuffer;
using reflection::v1::Method;

constexpr int kMostNames = 4096;

double to_ms(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

Method::Kind to_wire(MethodKind kind) {
  switch (kind) {
    case MethodKind::kRpc:
      return Method::RPC;
    case MethodKind::kEvent:
      return Method::EVENT;
    case MethodKind::kPublished:
      return Method::PUBLISHED;
    case MethodKind::kStream:
      break;
  }
  return Method::STREAM;
}

Method::Delivery to_wire(Delivery delivery) {
  switch (delivery) {
    case Delivery::kExpiring:
      return Method::EXPIRING;
    case Delivery::kDatagram:
      return Method::DATAGRAM;
    case Delivery::kReliable:
      break;
  }
  return Method::RELIABLE;
}

JitterBuffer::Profile to_wire(PlayoutProfile profile) {
  switch (profile) {
    case PlayoutProfile::kLowLatency:
      return JitterBuffer::LOW_LATENCY;
    case PlayoutProfile::kStrict:
      return JitterBuffer::STRICT;
    case PlayoutProfile::kBalanced:
      break;
  }
  return JitterBuffer::BALANCED;
}

JitterBuffer::LatePolicy to_wire(LatePolicy policy) {
  switch (policy) {
    case LatePolicy::kSkip:
      return JitterBuffer::SKIP;
    case LatePolicy::kWait:
      return JitterBuffer::WAIT;
    case LatePolicy::kAuto:
      break;
  }
  return JitterBuffer::AUTO;
}

// Zero is the receiver's default, and so is what is unset.
void describe_jitter_buffer(const JitterBufferOptions& options, JitterBuffer& to) {
  to.set_profile(to_wire(options.profile));
  to.set_late_policy(to_wire(options.late_policy));
  if (options.min_delay != Duration()) to.set_min_delay_ms(to_ms(options.min_delay));
  if (options.max_delay != Duration()) to.set_max_delay_ms(to_ms(options.max_delay));
  if (options.initial_delay != Duration()) to.set_initial_delay_ms(to_ms(options.initial_delay));
  if (options.max_late_share != 0) to.set_max_late_percent(options.max_late_share * 100);
  if (options.max_stretch != 0) to.set_max_stretch_percent(options.max_stretch * 100);
  if (options.max_skew != Duration()) to.set_max_skew_ms(to_ms(options.max_skew));
}

void describe_method(const MethodInfo& method, Method& to) {
  to.set_name(std::string(method.name));
  to.set_id(method.id);
  to.set_kind(to_wire(method.kind));
  to.set_client_streaming(method.client_streaming);
  to.set_server_streaming(method.server_streaming);
  to.set_priority(method.priority);
  to.set_idempotent(method.idempotent);
  to.set_no_side_effects(method.no_side_effects);
  if (method.deadline != Duration()) to.set_deadline_ms(to_ms(method.deadline));
  to.set_delivery(to_wire(method.delivery));
  if (method.max_age != Duration()) to.set_max_age_ms(to_ms(method.max_age));
  to.set_sync_group(std::string(method.sync_group));
  if (method.jitter_buffer.enabled) {
    describe_jitter_buffer(method.jitter_buffer, *to.mutable_jitter_buffer());
  }
  to.set_keep_last(method.keep_last);
  to.set_max_queue(method.max_queue);
  to.set_slow_subscriber(method.slow_subscriber == SlowSubscriber::kDisconnect
                             ? Method::DISCONNECT
                             : Method::DROP_OLDEST);
  to.set_on_reconnect(method.on_reconnect == OnReconnect::kResume ? Method::RESUME : Method::END);
}

// What stands above it in the .proto, without the space around it.
template <class Described>
std::string comment_of(const Described& descriptor) {
  SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return {};
  const std::string& text = location.leading_comments;
  const std::size_t first = text.find_first_not_of(" \n");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

// `descriptor` is null when there is none.
void describe_service(const ServiceInfo& service, const ServiceDescriptor* descriptor,
                      reflection::v1::Service& to) {
  to.set_name(std::string(service.full_name));
  if (descriptor != nullptr) {
    to.set_file(descriptor->file()->name());
    to.set_comment(comment_of(*descriptor));
  }
  for (const MethodInfo& method : service.methods) {
    Method& described = *to.add_methods();
    describe_method(method, described);
    if (descriptor == nullptr) continue;
    const auto* found = descriptor->FindMethodByName(described.name());
    if (found == nullptr) continue;
    described.set_input_type(found->input_type()->full_name());
    described.set_output_type(found->output_type()->full_name());
    described.set_comment(comment_of(*found));
  }
}

}  // namespace

Result<DescribeResponse> describe(ServedTypes& types, const DescribeRequest& request) {
  if (request.services_size() > kMostNames || request.known_files_size() > kMostNames) {
    return Status(StatusCode::kInvalidArgument, "at most " + std::to_string(kMostNames) +
                                                    " services and known files may be named; "
                                                    "name no service to hear of all");
  }
  const std::set<std::string> wanted(request.services().begin(), request.services().end());
  std::set<std::string> left_out(request.known_files().begin(), request.known_files().end());
  ServedTypes::Files files;
  DescribeResponse response;
  for (const ServiceInfo* service : types.refresh()) {
    std::string name(service->full_name);
    if (!wanted.empty() && wanted.count(name) == 0) continue;
    const ServiceDescriptor* descriptor = types.pool().FindServiceByName(name);
    describe_service(*service, descriptor, *response.add_services());
    if (descriptor != nullptr) add_with_imports(*descriptor->file(), left_out, files);
  }
  for (const auto* file : files) response.add_files(types.encoded(*file));
  return response;
}

}  // namespace echostream::internal
