// A service that does what its callers ask for in their metadata, and clients of all protocols that
// call it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <charconv>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "echostream/raw_service.h"

#include "runtime/gateway/protocol/client_exchange.h"
#include "tests/gateway/gateway_lab.h"

namespace echostream::testing {

using gateway::ClientCall;
using gateway::Protocol;

enum Shape : std::size_t { kUnary, kServerStream, kClientStream, kDuplex };
inline constexpr std::array kShapes = {kUnary, kServerStream, kClientStream, kDuplex};

inline std::array<MethodInfo, 4> make_methods() {
  std::array<MethodInfo, 4> methods;
  constexpr std::array<std::string_view, 4> kNames = {
      "conformance.v1.Script/Unary", "conformance.v1.Script/ServerStream",
      "conformance.v1.Script/ClientStream", "conformance.v1.Script/Duplex"};
  for (std::size_t i = 0; i < methods.size(); ++i) {
    methods[i].full_name = kNames[i];
    methods[i].name = kNames[i].substr(kNames[i].find('/') + 1);
    methods[i].id = 1000 + i;
    methods[i].kind = i == kUnary ? MethodKind::kRpc : MethodKind::kStream;
    methods[i].server_streaming = i == kServerStream || i == kDuplex;
    methods[i].client_streaming = i == kClientStream || i == kDuplex;
  }
  methods[kUnary].idempotent = methods[kUnary].no_side_effects = true;
  return methods;
}
inline const std::array<MethodInfo, 4> kMethods = make_methods();

/// Does what its callers write into their metadata, and answers with what they sent.
class Script final : public RawService {
 public:
  const ServiceInfo& info() const override { return info_; }

  Task<Result<Buffer>> serve_rpc(Call& call, Buffer request) override {
    Status status = co_await play(call);
    if (!status.is_ok()) co_return status;
    co_return request;
  }
  Task<Status> serve_server_stream(Call& call, Buffer request, Writer<Buffer> out) override {
    return answer_in_pieces(call, std::move(request), std::move(out));
  }
  Task<Result<Buffer>> serve_client_stream(Call& call, Reader<Buffer> in) override {
    std::string all;
    while (auto frame = co_await in.next()) all += frame->message.text();
    if (!in.status().is_ok()) co_return in.status();
    Status status = co_await play(call);
    if (!status.is_ok()) co_return status;
    co_return Buffer::copy(all);
  }
  Task<Status> serve_duplex(Call& call, Reader<Buffer> in, Writer<Buffer> out) override {
    std::string all;
    while (auto frame = co_await in.next()) all += frame->message.text();
    if (!in.status().is_ok()) co_return in.status();
    Buffer whole = Buffer::copy(all);
    Status status = co_await answer_in_pieces(call, std::move(whole), std::move(out));
    co_return status;
  }

  int calls = 0;
  Metadata last;
  Duration time_left{};
  std::function<LocalTime()> now;

 private:
  static long long number(const Metadata& wishes, std::string_view key) {
    const std::string_view text = wishes.find(key).value_or("0");
    long long value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  static Status end_of(const Metadata& wishes) {
    const auto code = static_cast<StatusCode>(number(wishes, "x-code"));
    if (code == StatusCode::kOk) return Status::ok();
    Status status(code, std::string(wishes.find("x-message-bin").value_or("")));
    const auto detail = wishes.find("x-detail-bin");
    if (detail) status.add_detail({"type.googleapis.com/acme.Problem", std::string(*detail)});
    return status;
  }
  /// Metadata, and the pause; then how the call is to end.
  Task<Status> play(Call& call) {
    ++calls;
    last = call.metadata();
    time_left = call.deadline() - now();
    Metadata head;
    for (const auto& [key, value] : last.entries()) {
      if (key == "x-give-header") head.add("x-custom-header", value);
      if (key == "x-give-trailer") call.add_trailing_metadata("x-custom-trailer", value);
    }
    if (!head.empty()) call.set_response_metadata(head);
    const Duration pause = std::chrono::milliseconds(number(last, "x-pause"));
    if (pause > Duration::zero()) (void)co_await sleep_for(pause);
    co_return end_of(last);
  }
  Task<Status> answer_in_pieces(Call& call, Buffer piece, Writer<Buffer> out) {
    const Metadata wishes = call.metadata();
    Status end = co_await play(call);
    for (long long i = number(wishes, "x-pieces"); i > 0; --i) {
      Status written = co_await out.write(piece);
      if (!written.is_ok()) co_return written;
      (void)co_await sleep_for(std::chrono::milliseconds(50));
    }
    co_return end;
  }
  ServiceInfo info_{"conformance.v1.Script", kMethods, {}};
};

struct Outcome {
  int http_status = 0;
  Status status;
  std::vector<std::string> messages;
  Metadata metadata;
  Metadata trailing;

  std::vector<std::string> values(const Metadata& of, std::string_view key) const {
    std::vector<std::string> found;
    for (const auto& [name, value] : of.entries()) {
      if (name == key) found.push_back(value);
    }
    return found;
  }
  std::vector<std::string> headers() const { return values(metadata, "x-custom-header"); }
  std::vector<std::string> trailers() const { return values(trailing, "x-custom-trailer"); }
};

enum class Family { kConnect, kGrpc, kGrpcWeb, kGrpcWebText };

class Conformance : public ::testing::TestWithParam<Family> {
 protected:
  ClientCall call_of(Shape shape, Metadata wishes = {}) const {
    constexpr std::array kProtocols = {Protocol::kConnectStream, Protocol::kGrpc,
                                       Protocol::kGrpcWeb, Protocol::kGrpcWebText};
    ClientCall call;
    call.protocol = kProtocols[static_cast<std::size_t>(GetParam())];
    if (shape == kUnary && GetParam() == Family::kConnect) call.protocol = Protocol::kConnectUnary;
    call.method = std::string(kMethods[shape].full_name);
    call.authority = lab.http->authority();
    call.metadata = std::move(wishes);
    return call;
  }
  gateway::HttpRequest request_of(const ClientCall& call,
                                  const std::vector<std::string>& messages) const {
    gateway::HttpRequest request("POST", "/" + call.method);
    request.fields = gateway::make_request_head(call);
    request.fields.drop_pseudo_headers();
    std::string body;
    for (const std::string& message : messages) {
      for (const Buffer& part : gateway::make_request_message(call, Buffer::copy(message))) {
        body += part.text();
      }
    }
    request.body = Buffer::copy(body);
    return request;
  }
  Outcome outcome(const ClientCall& call, gateway::HttpRequest request) {
    const gateway::HttpResponse response = lab.fetch(std::move(request));
    const auto reader = gateway::make_response_reader(call, 1024 * 1024, 8 * 1024);
    http3::Fields head{{":status", std::to_string(response.status)}};
    for (const http3::Field& field : response.fields) head.add(field.name, field.value);
    gateway::Buffers messages;
    Status status = reader->on_head(head);
    if (status.is_ok()) status = reader->feed(response.body.view(), messages);
    if (status.is_ok() && !response.trailers.empty()) {
      status = reader->on_trailers(response.trailers);
    }
    if (status.is_ok()) status = reader->finish(messages);
    Outcome out{response.status, status, {}, reader->metadata(), reader->trailing_metadata()};
    for (const Buffer& message : messages) out.messages.emplace_back(message.text());
    return out;
  }
  Outcome ask(Shape shape, const std::vector<std::string>& messages, Metadata wishes = {}) {
    const ClientCall call = call_of(shape, std::move(wishes));
    return outcome(call, request_of(call, messages));
  }
  /// The same with one field set otherwise.
  Outcome ask_with(Shape shape, const std::vector<std::string>& messages, std::string_view name,
                   std::string_view value) {
    const ClientCall call = call_of(shape);
    gateway::HttpRequest request = request_of(call, messages);
    http3::Fields fields;
    for (const http3::Field& field : request.fields) {
      if (field.name != name) fields.add(field.name, field.value);
    }
    fields.add(name, value);
    request.fields = fields;
    return outcome(call, std::move(request));
  }
  bool is_connect() const { return GetParam() == Family::kConnect; }
  std::string encoding_name(Shape shape) const {
    if (!is_connect()) return "grpc-encoding";
    return shape == kUnary ? "content-encoding" : "connect-content-encoding";
  }

  static constexpr std::size_t kMostBytes = 20'000;
  static Lab::Options options() {
    Lab::Options chosen;
    chosen.server_limits.max_message_bytes = kMostBytes;
    return chosen;
  }
  std::shared_ptr<Script> script = std::make_shared<Script>();
  GatewayLab lab{options(), {}, [this](Node& node) {
                   script->now = [this] { return lab.server_side->now(); };
                   EXPECT_TRUE(node.serve(script).is_ok());
                 }};
};

}  // namespace echostream::testing
