#include "runtime/plugins/tracing/otlp_json.h"

#include <algorithm>

#include "runtime/plugins/text/json.h"

namespace echostream::internal {
namespace {

// Of a peer's error; long ones help nobody, and the collector may refuse the batch for them.
constexpr std::size_t kMostMessage = 1024;

constexpr int kKindServer = 2;
constexpr int kKindClient = 3;
constexpr int kStatusError = 2;

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  out += '"';
}

// 64-bit integers are strings in protobuf's JSON.
void append_number(std::string& out, std::uint64_t number) {
  out += '"';
  out += std::to_string(number);
  out += '"';
}
void append_time(std::string& out, WallTime time) {
  append_number(
      out, static_cast<std::uint64_t>(std::max<Duration::rep>(0, time.time_since_epoch().count())));
}

class Attributes {
 public:
  explicit Attributes(std::string& out) : out_(out) { out_ += "\"attributes\":["; }
  ~Attributes() { out_ += ']'; }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  void add(std::string_view key, std::string_view value) {
    begin(key);
    out_ += "\"stringValue\":";
    append_json_string(out_, value);
    out_ += "}}";
  }
  void add(std::string_view key, std::uint64_t value) {
    begin(key);
    out_ += "\"intValue\":";
    append_number(out_, value);
    out_ += "}}";
  }

 private:
  void begin(std::string_view key) {
    if (!is_first_) out_ += ',';
    is_first_ = false;
    out_ += "{\"key\":";
    append_json_string(out_, key);
    out_ += ",\"value\":{";
  }
  std::string& out_;
  bool is_first_ = true;
};

// What OpenTelemetry's conventions for rpc call an error: for a server, what is its own fault.
bool is_error(const Span& span) {
  switch (span.code) {
    case StatusCode::kOk:
      return false;
    case StatusCode::kUnknown:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kUnimplemented:
    case StatusCode::kInternal:
    case StatusCode::kUnavailable:
    case StatusCode::kDataLoss:
      return true;
    default:
      return !span.is_server;
  }
}

std::string host_of(const SocketAddress& address) {
  std::string text = address.to_string();
  text.resize(text.rfind(':'));
  if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
  return text;
}

void append_attributes(std::string& out, const Span& span) {
  Attributes attributes(out);
  attributes.add("rpc.system.name", std::string_view("echostream"));
  attributes.add("rpc.method", span.method);
  attributes.add("rpc.response.status_code", to_string(span.code));
  if (is_error(span)) attributes.add("error.type", to_string(span.code));
  if (!span.peer.is_set()) return;
  const std::string host = host_of(span.peer);
  attributes.add(span.is_server ? "client.address" : "server.address", host);
  attributes.add(span.is_server ? "client.port" : "server.port", std::uint64_t{span.peer.port()});
}

void append_events(std::string& out, const Span& span) {
  if (!span.events.empty()) {
    out += ",\"events\":[";
    for (const SpanEvent& event : span.events) {
      if (&event != &span.events.front()) out += ',';
      out += "{\"timeUnixNano\":";
      append_time(out, event.time);
      out += ",\"name\":\"rpc.message\",";
      {
        Attributes attributes(out);
        attributes.add("rpc.message.type", std::string_view(event.sent ? "SENT" : "RECEIVED"));
        attributes.add("rpc.message.uncompressed_size", event.bytes);
      }
      out += '}';
    }
    out += ']';
  }
  if (span.dropped_events != 0) {
    out += ",\"droppedEventsCount\":" +
           std::to_string(std::min<std::uint64_t>(span.dropped_events, UINT32_MAX));
  }
}

void append_span(std::string& out, const Span& span) {
  out += "{\"traceId\":";
  append_hex(out, span.trace_id);
  out += ",\"spanId\":";
  append_hex(out, span.span_id);
  if (span.parent_id != decltype(span.parent_id){}) {
    out += ",\"parentSpanId\":";
    append_hex(out, span.parent_id);
  }
  if (!span.trace_state.empty()) {
    out += ",\"traceState\":";
    append_json_string(out, span.trace_state);
  }
  out += ",\"name\":";
  append_json_string(out, span.method);
  out += ",\"kind\":" + std::to_string(span.is_server ? kKindServer : kKindClient);
  out += ",\"startTimeUnixNano\":";
  append_time(out, span.start);
  out += ",\"endTimeUnixNano\":";
  append_time(out, span.end);
  out += ',';
  append_attributes(out, span);
  append_events(out, span);
  if (is_error(span)) {
    out += ",\"status\":{\"code\":" + std::to_string(kStatusError) + ",\"message\":";
    append_json_string(out, span.message, kMostMessage);
    out += '}';
  }
  out += '}';
}

}  // namespace

std::string to_otlp_json(std::span<const Span> spans, const ResourceAttributes& resource) {
  std::string out;
  out.reserve(256 + spans.size() * 600);
  out += "{\"resourceSpans\":[{\"resource\":{";
  {
    Attributes attributes(out);
    for (const auto& [key, value] : resource) attributes.add(key, std::string_view(value));
  }
  out += "},\"scopeSpans\":[{\"scope\":{\"name\":\"echostream\"},\"spans\":[";
  for (const Span& span : spans) {
    if (&span != &spans.front()) out += ',';
    append_span(out, span);
  }
  out += "]}]}]}";
  return out;
}

}  // namespace echostream::internal
