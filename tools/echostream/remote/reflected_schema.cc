#include "tools/echostream/remote/reflected_schema.h"

#include <algorithm>
#include <utility>

#include "echostream/reflection.echostream.h"

#include "tools/echostream/remote/read_message.h"

namespace echostream::tool {

namespace {

namespace reflection = echostream::reflection::v1;

// What a peer may say; nobody serves that many.
constexpr int kMostServices = 10'000;
constexpr double kMostMilliseconds = 1e9;

Duration time_of(double milliseconds) {
  if (!(milliseconds > 0)) return {};
  return Duration(static_cast<Duration::rep>(std::min(milliseconds, kMostMilliseconds) * 1e6));
}

MethodKind kind_of(reflection::Method::Kind kind) {
  switch (kind) {
    case reflection::Method::EVENT:
      return MethodKind::kEvent;
    case reflection::Method::PUBLISHED:
      return MethodKind::kPublished;
    case reflection::Method::STREAM:
      return MethodKind::kStream;
    default:
      return MethodKind::kRpc;
  }
}

Delivery delivery_of(reflection::Method::Delivery delivery) {
  switch (delivery) {
    case reflection::Method::EXPIRING:
      return Delivery::kExpiring;
    case reflection::Method::DATAGRAM:
      return Delivery::kDatagram;
    default:
      return Delivery::kReliable;
  }
}

JitterBufferOptions jitter_buffer(const reflection::JitterBuffer& from) {
  JitterBufferOptions options;
  options.enabled = true;
  if (from.profile() == reflection::JitterBuffer::LOW_LATENCY) {
    options.profile = PlayoutProfile::kLowLatency;
  } else if (from.profile() == reflection::JitterBuffer::STRICT) {
    options.profile = PlayoutProfile::kStrict;
  }
  if (from.late_policy() == reflection::JitterBuffer::SKIP) {
    options.late_policy = LatePolicy::kSkip;
  } else if (from.late_policy() == reflection::JitterBuffer::WAIT) {
    options.late_policy = LatePolicy::kWait;
  }
  options.min_delay = time_of(from.min_delay_ms());
  options.max_delay = time_of(from.max_delay_ms());
  options.initial_delay = time_of(from.initial_delay_ms());
  options.max_late_share = from.max_late_percent() / 100;
  options.max_stretch = from.max_stretch_percent() / 100;
  options.max_skew = time_of(from.max_skew_ms());
  // Defaults rather than a stream that cannot be opened.
  return check(options).is_ok() ? options : JitterBufferOptions{.enabled = true};
}

std::unique_ptr<SchemaMethod> method_of(const std::string& service,
                                        const reflection::Method& from) {
  auto method = std::make_unique<SchemaMethod>();
  method->name = from.name();
  method->full_name = service + "/" + from.name();
  method->input_type = from.input_type();
  method->output_type = from.output_type();
  method->comment = from.comment();
  method->sync_group = from.sync_group();
  MethodInfo& info = method->info;
  info.id = from.id();
  info.kind = kind_of(from.kind());
  info.client_streaming = from.client_streaming();
  info.server_streaming = from.server_streaming();
  info.idempotent = from.idempotent();
  info.no_side_effects = from.no_side_effects();
  info.delivery = delivery_of(from.delivery());
  info.slow_subscriber = from.slow_subscriber() == reflection::Method::DISCONNECT
                             ? SlowSubscriber::kDisconnect
                             : SlowSubscriber::kDropOldest;
  info.on_reconnect =
      from.on_reconnect() == reflection::Method::RESUME ? OnReconnect::kResume : OnReconnect::kEnd;
  info.priority = static_cast<std::uint8_t>(std::min<std::uint32_t>(from.priority(), 7));
  info.keep_last = from.keep_last();
  info.max_queue = from.max_queue();
  info.deadline = time_of(from.deadline_ms());
  info.max_age = time_of(from.max_age_ms());
  if (from.has_jitter_buffer()) info.jitter_buffer = jitter_buffer(from.jitter_buffer());
  bind_names(*method);
  return method;
}

bool is_wire_id(std::uint64_t id) { return id < std::uint64_t{1} << 62; }

Result<Schema> schema_of(const reflection::DescribeResponse& response) {
  if (response.services_size() > kMostServices) {
    return Status(StatusCode::kInternal, "it says that it serves more than anybody does");
  }
  Schema schema;
  for (const std::string& file : response.files()) {
    Status added = schema.types().add_file(file);
    if (!added.is_ok()) return added.with_context("what it says of its types");
  }
  for (const reflection::Service& from : response.services()) {
    SchemaService& service = schema.services().emplace_back();
    service.full_name = from.name();
    service.comment = from.comment();
    for (const reflection::Method& method : from.methods()) {
      if (!is_wire_id(method.id())) {
        return Status(StatusCode::kInternal,
                      "the id that it gives for " + method.name() + " is none");
      }
      service.methods.push_back(method_of(from.name(), method));
    }
  }
  return schema;
}

reflection::DescribeRequest request_for(std::vector<std::string> services) {
  reflection::DescribeRequest request;
  for (std::string& service : services) request.add_services(std::move(service));
  return request;
}

}  // namespace

Task<Result<Schema>> reflected_schema(Channel channel, std::vector<std::string> services) {
  reflection::Reflection::Client client(std::move(channel));
  const reflection::DescribeRequest request = request_for(std::move(services));
  auto response = co_await client.Describe(request);
  if (!response) co_return response.error();
  co_return schema_of(*response);
}

std::unique_ptr<SchemaMethod> describe_method() {
  auto method = std::make_unique<SchemaMethod>();
  method->name = "Describe";
  method->full_name = "echostream.reflection.v1.Reflection/Describe";
  method->info.idempotent = true;
  method->info.no_side_effects = true;
  bind_names(*method);
  return method;
}

Buffer describe_request(std::vector<std::string> services) {
  return Buffer::copy(request_for(std::move(services)).SerializeAsString());
}

Result<Schema> described_schema(BytesView reply) {
  reflection::DescribeResponse response;
  if (Status read = read_message(reply, response); !read.is_ok()) return read;
  return schema_of(response);
}

}  // namespace echostream::tool
