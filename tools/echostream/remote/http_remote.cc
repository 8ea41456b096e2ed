#include "tools/echostream/remote/http_remote.h"

#include <utility>

#include "runtime/gateway/client/http_client.h"
#include "tools/echostream/remote/grpc_reflection.h"
#include "tools/echostream/remote/http_stream.h"
#include "tools/echostream/remote/reflected_schema.h"

namespace echostream::tool {

namespace {

using gateway::HttpClient;
using gateway::HttpClientOptions;

HttpClientOptions http_options(const NodeOptions& options) {
  HttpClientOptions http(*options.trust);
  http.identity = options.identity;
  http.ticket_cache = options.ticket_cache;
  http.handshake_timeout = options.handshake_timeout;
  http.idle_timeout = options.idle_timeout;
  http.keep_alive_interval = options.keep_alive_interval;
  http.key_log_file = options.key_log_file;
  http.qlog_directory = options.qlog_directory;
  return http;
}

gateway::Protocol protocol_of(HttpProtocol protocol, bool is_unary) {
  switch (protocol) {
    case HttpProtocol::kConnect:
      return is_unary ? gateway::Protocol::kConnectUnary : gateway::Protocol::kConnectStream;
    case HttpProtocol::kGrpc:
      return gateway::Protocol::kGrpc;
    case HttpProtocol::kGrpcWeb:
      return gateway::Protocol::kGrpcWeb;
  }
  return gateway::Protocol::kConnectUnary;
}

// What a server says that has no such service, or does not know the protocol at all.
bool tells_nothing(const Status& status) {
  return status.code() == StatusCode::kUnimplemented || status.code() == StatusCode::kUnknown;
}

class HttpRemote final : public Remote {
 public:
  HttpRemote(Loop& loop, Limits limits, HttpProtocol protocol)
      : loop_(loop),
        limits_{limits.max_message_bytes, limits.max_metadata_bytes},
        protocol_(protocol) {}

  Task<Status> connect(std::string target, HttpClientOptions options) {
    const LocalTime begin = loop_.now();
    auto client = co_await HttpClient::connect(loop_, std::move(target), std::move(options));
    if (!client) co_return client.error();
    client_ = *std::move(client);
    handshake_time_ = loop_.now() - begin;
    co_return Status::ok();
  }

  Task<Result<Schema>> describe(std::vector<std::string> services) override {
    const auto method = describe_method();
    Buffer request = describe_request(services);
    auto reply = co_await unary(*method, std::move(request), CallOptions());
    if (reply) co_return described_schema(*reply);
    if (!tells_nothing(reply.error())) co_return reply.error();
    auto schema = co_await grpc_reflected_schema(*this, std::move(services));
    if (schema || !tells_nothing(schema.error())) co_return schema;
    co_return Status(StatusCode::kUnimplemented, "it serves no reflection");
  }

  Task<Result<Buffer>> unary(const SchemaMethod& method, Buffer request,
                             CallOptions options) override {
    const auto stream = start(method, true, std::move(request), options);
    auto reply = co_await stream->next();
    if (auto* where = options.response_metadata()) *where = stream->response_metadata();
    if (!reply) co_return stream->status();
    co_return std::move(reply->message);
  }

  Task<Status> emit(const SchemaMethod& method, Buffer event, CallOptions options) override {
    auto reply = co_await unary(method, std::move(event), std::move(options));
    co_return reply.status();
  }

  Task<std::unique_ptr<RemoteStream>> open(const SchemaMethod& method,
                                           std::optional<Buffer> request,
                                           CallOptions options) override {
    if (method.info.client_streaming) {
      request.reset();
    } else if (!request) {
      request.emplace();
    }
    co_return start(method, false, std::move(request), options);
  }

  Task<Status> ping(Duration limit) override {
    gateway::HttpRequest request("OPTIONS", "*");
    request.timeout = limit;
    auto response = co_await client_->fetch(std::move(request));
    if (response) co_return Status::ok();
    const StatusCode code = response.error().code();
    const bool is_lost = code == StatusCode::kUnavailable || code == StatusCode::kDeadlineExceeded;
    co_return is_lost || !client_->status().is_ok() ? response.error() : Status::ok();
  }

  Task<void> close() override {
    client_.reset();
    co_return;
  }

  Duration handshake_time() const override { return handshake_time_; }
  bool is_resumed() const override { return client_->is_resumed(); }
  SocketAddress remote_address() const override { return client_->remote_address(); }
  std::optional<Fingerprint> fingerprint() const override {
    const auto identity = client_->peer_identity();
    return identity ? std::optional(identity->fingerprint()) : std::nullopt;
  }
  std::string_view protocol() const override { return "HTTP/3"; }

 private:
  std::unique_ptr<HttpStream> start(const SchemaMethod& method, bool is_unary,
                                    std::optional<Buffer> request, const CallOptions& options) {
    gateway::ClientCall call;
    call.protocol = protocol_of(protocol_, is_unary);
    call.method = method.full_name;
    call.authority = client_->authority();
    call.timeout = options.timeout().value_or(method.info.deadline);
    call.metadata = options.metadata();
    return std::make_unique<HttpStream>(loop_, *client_, std::move(call),
                                        !method.info.server_streaming, std::move(request), limits_);
  }

  Loop& loop_;
  const HttpCallLimits limits_;
  const HttpProtocol protocol_;
  std::unique_ptr<HttpClient> client_;
  Duration handshake_time_{};
};

}  // namespace

Task<Result<std::unique_ptr<Remote>>> dial_http(Loop& loop, std::string target, NodeOptions options,
                                                HttpProtocol protocol) {
  HttpClientOptions http = http_options(options);
  auto remote = std::make_unique<HttpRemote>(loop, options.limits, protocol);
  Status status = co_await remote->connect(std::move(target), std::move(http));
  if (!status.is_ok()) co_return status;
  std::unique_ptr<Remote> result = std::move(remote);
  co_return std::move(result);
}

}  // namespace echostream::tool
