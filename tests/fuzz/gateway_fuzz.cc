// HTTP requests and answers of anybody. Input: one byte of choices (bit 0: the rest is a server's
// answer, and not a client's request; bits 1 to 3: how long the pieces are that the body comes in),
// lines "name: value" up to an empty one, then the body.
//
// Promised of a request: what is refused has a whole answer; pieces do not change what a body says;
// no message and nothing held is above the limit; the answer to a call has no field that breaks out
// of its line, and our own client reads in it what was said. Of an answer: it ends, within the
// limits.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/gateway/protocol/client_exchange.h"
#include "runtime/gateway/protocol/content_types.h"
#include "runtime/gateway/protocol/exchange.h"
#include "runtime/gateway/protocol/field_values.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"

using namespace echostream;
using namespace echostream::gateway;
using echostream::testing::FuzzInput;

namespace {

constexpr std::size_t kMaxMessageBytes = 4096;

GatewayRules rules_of_fuzzing() {
  GatewayRules rules;
  rules.max_message_bytes = kMaxMessageBytes;
  rules.compress_from_bytes = 64;
  rules.allowed_origins = {"https://console.example"};
  rules.allowed_hosts = {"robot.example", "::1"};
  return rules;
}

// Takes the head off the front. Values are as they are, so that they may hold what nghttp3 would
// have refused.
http3::Fields take_head(std::string_view& text) {
  http3::Fields head;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) break;
    const std::size_t colon = std::min(line.find(": ", 1), line.size());
    head.add(std::string(line.substr(0, colon)),
             std::string(line.substr(std::min(colon + 2, line.size()))));
  }
  return head;
}

void check_fields(const http3::Fields& fields, bool is_head) {
  for (const http3::Field& field : fields) {
    FUZZ_CHECK(is_field_name(field.name) || (is_head && field.name == ":status"));
    FUZZ_CHECK(is_field_value(field.value));
  }
}

std::string text_of(const Buffers& pieces) {
  std::string text;
  for (const Buffer& piece : pieces) text += piece.text();
  return text;
}

void check_refusal(const ResponsePart& part, bool is_to_head) {
  FUZZ_CHECK(part.is_end);
  FUZZ_CHECK(part.head.get(":status").size() == 3);
  check_fields(part.head, true);
  check_fields(part.trailers, false);
  if (is_to_head) {
    FUZZ_CHECK(part.body.empty());
  } else if (part.head.has("content-length")) {
    FUZZ_CHECK(part.head.get("content-length") == std::to_string(text_of(part.body).size()));
  }
}

struct Body {
  Status status;
  Buffers messages;
};

Body read_in_pieces(const RequestHead& head, const GatewayRules& rules, std::string_view bytes,
                    std::size_t piece) {
  Body body;
  const auto reader = make_request_body(head, rules);
  while (!bytes.empty() && body.status.is_ok()) {
    body.status = reader->feed(as_bytes(bytes.substr(0, piece)), body.messages);
    bytes.remove_prefix(std::min(piece, bytes.size()));
    FUZZ_CHECK(reader->held_bytes() <= kMaxMessageBytes + 5);
  }
  if (body.status.is_ok()) body.status = reader->finish(body.messages);
  for (const Buffer& message : body.messages) FUZZ_CHECK(message.size() <= kMaxMessageBytes);
  return body;
}

// What the client that sent such a head would have called.
ClientCall call_of(const RequestHead& head) {
  ClientCall call;
  call.protocol = head.protocol == Protocol::kConnectGet ? Protocol::kConnectUnary : head.protocol;
  call.codec = head.codec;
  return call;
}

// Our server answers with what the client sent it; our client reads that.
void check_answer(const RequestHead& head, const GatewayRules& rules, const Body& body,
                  std::string_view origin, std::size_t piece) {
  const auto maker = make_response(head, rules, std::string(origin));
  std::vector<ResponsePart> parts;
  parts.push_back(maker->begin(head.metadata));
  for (const Buffer& message : body.messages) parts.push_back(maker->message(message));
  parts.push_back(maker->end(body.status, head.metadata));
  // Errors of unary calls are JSON, and longer than what they tell of.
  const auto reader = make_response_reader(call_of(head), 16 * kMaxMessageBytes, 1 << 20);
  Buffers messages;
  Status status;
  for (const ResponsePart& part : parts) {
    check_fields(part.head, true);
    check_fields(part.trailers, false);
    if (!part.head.empty() && status.is_ok()) status = reader->on_head(part.head);
    const std::string bytes = text_of(part.body);
    for (std::size_t at = 0; at < bytes.size() && status.is_ok(); at += piece) {
      status = reader->feed(as_bytes(std::string_view(bytes).substr(at, piece)), messages);
    }
    if (!part.trailers.empty() && status.is_ok()) status = reader->on_trailers(part.trailers);
  }
  FUZZ_CHECK(parts.back().is_end);
  FUZZ_CHECK(status.is_ok());
  status = reader->finish(messages);
  if (is_unary(head.protocol) && (!body.status.is_ok() || body.messages.size() != 1)) {
    FUZZ_CHECK(!status.is_ok() && messages.empty());
    return;
  }
  FUZZ_CHECK(status == body.status);
  FUZZ_CHECK(std::equal(messages.begin(), messages.end(), body.messages.begin(),
                        body.messages.end(),
                        [](const Buffer& a, const Buffer& b) { return equal_bytes(a, b); }));
}

void try_request(const http3::Fields& head, std::string_view bytes, std::size_t piece) {
  static const GatewayRules rules = rules_of_fuzzing();
  const auto read = read_head(head, rules);
  if (const auto* refusal = std::get_if<ResponsePart>(&read)) {
    return check_refusal(*refusal, head.get(":method") == "HEAD");
  }
  const auto& request = std::get<RequestHead>(read);
  FUZZ_CHECK(request.timeout >= Duration::zero());
  FUZZ_CHECK(request.metadata.byte_size() <= rules.max_metadata_bytes);
  FUZZ_CHECK(!request.message || request.message->size() <= kMaxMessageBytes);
  const Body body = read_in_pieces(request, rules, bytes, piece);
  const Body whole = read_in_pieces(request, rules, bytes, std::max<std::size_t>(bytes.size(), 1));
  FUZZ_CHECK(body.status == whole.status);
  FUZZ_CHECK(body.messages.size() == whole.messages.size());
  check_answer(request, rules, body, head.get("origin"), piece);
}

void try_answer(const http3::Fields& head, std::string_view bytes, std::size_t piece) {
  for (const Protocol protocol : {Protocol::kConnectUnary, Protocol::kConnectStream,
                                  Protocol::kGrpc, Protocol::kGrpcWeb, Protocol::kGrpcWebText}) {
    ClientCall call;
    call.protocol = protocol;
    call.codec = Codec::kJson;
    const auto reader = make_response_reader(call, kMaxMessageBytes, 1024);
    Buffers messages;
    Status status = reader->on_head(head);
    for (std::size_t at = 0; at < bytes.size() && status.is_ok(); at += piece) {
      status = reader->feed(as_bytes(bytes.substr(at, piece)), messages);
      FUZZ_CHECK(reader->held_bytes() <= 2 * kMaxMessageBytes + 5);
    }
    if (status.is_ok() && protocol == Protocol::kGrpc) status = reader->on_trailers(head);
    if (status.is_ok()) status = reader->finish(messages);
    for (const Buffer& message : messages) FUZZ_CHECK(message.size() <= kMaxMessageBytes);
    for (const StatusDetail& detail : status.details()) {
      FUZZ_CHECK(detail.value.size() <= bytes.size() + 65'536);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzInput input(data, size);
  const std::uint8_t choices = input.byte();
  const std::size_t piece = (choices >> 1 & 7U) + 1;
  std::string_view text = as_text(input.rest());
  const http3::Fields head = take_head(text);
  (choices & 1) != 0 ? try_answer(head, text, piece) : try_request(head, text, piece);
  return 0;
}
