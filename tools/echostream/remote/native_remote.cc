#include "tools/echostream/remote/native_remote.h"

#include <utility>
#include <variant>

#include "echostream/node.h"
#include "echostream/raw_client.h"
#ifdef ECHOSTREAM_HAS_DISCOVERY
#include "echostream/discovery/browser.h"
#include "echostream/discovery/mdns_resolver.h"
#endif

#include "tools/echostream/remote/reflected_schema.h"

namespace echostream::tool {

namespace {

// How long closing waits for what is still to be sent.
constexpr Duration kGrace = std::chrono::seconds(2);

// Whom nobody serves. Its id is the hash of this name, as docs/protocol.md 5.1 makes it.
constexpr const char* kNobody = "echostream.tool.Ping/Ping";
constexpr std::uint64_t kNobodysId = 0x26687c1347a28f3b;

class NativeReader final : public RemoteStream {
 public:
  explicit NativeReader(Reader<Buffer> reader) : reader_(std::move(reader)) {}
  Task<Status> write(Buffer) override { return refuse(); }
  Task<Status> finish() override { return nothing_to_do(); }
  Task<std::optional<Frame<Buffer>>> next() override { return reader_.next(); }
  Status status() const override { return reader_.status(); }
  void cancel() override { reader_.cancel(); }
  Metadata response_metadata() const override { return reader_.response_metadata(); }
  std::optional<JitterBufferStats> jitter_buffer() const override {
    return reader_.jitter_buffer_stats();
  }
  std::uint64_t lost_at_end() const override { return reader_.lost_at_end(); }

 private:
  static Task<Status> refuse() {
    co_return Status(StatusCode::kFailedPrecondition, "the request is one message");
  }
  static Task<Status> nothing_to_do() { co_return Status::ok(); }

  Reader<Buffer> reader_;
};

class NativeDuplex final : public RemoteStream {
 public:
  explicit NativeDuplex(DuplexStream<Buffer, Buffer> stream) : stream_(std::move(stream)) {}
  Task<Status> write(Buffer message) override { return stream_.writer.write(message); }
  Task<Status> finish() override { return stream_.writer.finish(); }
  Task<std::optional<Frame<Buffer>>> next() override { return stream_.reader.next(); }
  Status status() const override { return stream_.reader.status(); }
  void cancel() override { stream_.reader.cancel(); }
  Metadata response_metadata() const override { return stream_.reader.response_metadata(); }
  std::optional<JitterBufferStats> jitter_buffer() const override {
    return stream_.reader.jitter_buffer_stats();
  }
  std::uint64_t lost_at_end() const override { return stream_.reader.lost_at_end(); }

 private:
  DuplexStream<Buffer, Buffer> stream_;
};

class NativeClientStream final : public RemoteStream {
 public:
  explicit NativeClientStream(ClientStream<Buffer, Buffer> stream) : stream_(std::move(stream)) {}
  Task<Status> write(Buffer message) override { return stream_.write(message); }
  // The reply is waited for by next(), which ends our side.
  Task<Status> finish() override { return nothing_to_do(); }
  Task<std::optional<Frame<Buffer>>> next() override {
    if (is_over_) co_return std::nullopt;
    is_over_ = true;
    auto reply = co_await stream_.finish();
    status_ = reply.status();
    if (!reply) co_return std::nullopt;
    Frame<Buffer> frame;
    frame.message = *std::move(reply);
    co_return std::move(frame);
  }
  Status status() const override { return status_; }
  void cancel() override { stream_.cancel(); }
  Metadata response_metadata() const override { return {}; }

 private:
  static Task<Status> nothing_to_do() { co_return Status::ok(); }

  ClientStream<Buffer, Buffer> stream_;
  bool is_over_ = false;
  Status status_;
};

class NativeRemote final : public Remote {
 public:
  NativeRemote(Loop& loop, NodeOptions options) : node_(loop, std::move(options)) {
    nobody_.name = "Ping";
    nobody_.full_name = kNobody;
    nobody_.info.id = kNobodysId;
    bind_names(nobody_);
  }

  Task<Status> connect(std::string target) {
#ifdef ECHOSTREAM_HAS_DISCOVERY
    if (target.starts_with("echostream+mdns:")) {
      auto resolver =
          discovery::make_mdns_resolver(node_.loop(), discovery::make_system_dns_sd(node_.loop()));
      Status added = node_.add_resolver(std::move(resolver));
      if (!added.is_ok()) co_return added;
    }
#endif
    const LocalTime begin = node_.loop().now();
    auto session = co_await node_.connect(std::move(target));
    if (!session) co_return session.error();
    handshake_time_ = node_.loop().now() - begin;
    session_ = *session;
    co_return Status::ok();
  }

  Task<Result<Schema>> describe(std::vector<std::string> services) override {
    return reflected_schema(session_->channel(), std::move(services));
  }

  Task<Result<Buffer>> unary(const SchemaMethod& method, Buffer request,
                             CallOptions options) override {
    return client().call(method.info, std::move(request), std::move(options));
  }

  Task<Status> emit(const SchemaMethod& method, Buffer event, CallOptions options) override {
    return client().emit(method.info, std::move(event), std::move(options));
  }

  Task<std::unique_ptr<RemoteStream>> open(const SchemaMethod& method,
                                           std::optional<Buffer> request,
                                           CallOptions options) override {
    const MethodInfo& info = method.info;
    const RawClient raw = client();
    if (!info.client_streaming) {
      Buffer message = request ? *std::move(request) : Buffer();
      auto reader = co_await raw.open_reader(info, std::move(message), std::move(options));
      co_return std::make_unique<NativeReader>(std::move(reader));
    }
    if (!info.server_streaming) {
      auto stream = co_await raw.open_client_stream(info, std::move(options));
      co_return std::make_unique<NativeClientStream>(std::move(stream));
    }
    auto stream = co_await raw.open_duplex(info, std::move(options));
    co_return std::make_unique<NativeDuplex>(std::move(stream));
  }

  Task<Status> ping(Duration limit) override {
    CallOptions options = CallOptions().timeout(limit);
    auto answer = co_await client().call(nobody_.info, Buffer(), std::move(options));
    const StatusCode code = answer.status().code();
    // Whatever the program answers, it has answered; these say that nobody did.
    if (code == StatusCode::kUnavailable || code == StatusCode::kDeadlineExceeded) {
      co_return answer.error();
    }
    co_return Status::ok();
  }

  Task<void> close() override {
    if (session_) co_await session_->drain(kGrace);
    co_await node_.shutdown(kGrace);
  }

  std::optional<Session> session() const override { return session_; }
  Duration handshake_time() const override { return handshake_time_; }
  bool is_resumed() const override { return session_->is_resumed(); }
  SocketAddress remote_address() const override { return session_->remote_address(); }
  std::optional<Fingerprint> fingerprint() const override { return session_->peer_fingerprint(); }
  std::string_view protocol() const override { return "EchoStream"; }

 private:
  RawClient client() const { return RawClient(session_->channel()); }

  Node node_;
  std::optional<Session> session_;
  Duration handshake_time_{};
  SchemaMethod nobody_;
};

}  // namespace

Task<Result<std::unique_ptr<Remote>>> dial_native(Loop& loop, std::string target,
                                                  NodeOptions options) {
  auto remote = std::make_unique<NativeRemote>(loop, std::move(options));
  Status status = co_await remote->connect(std::move(target));
  if (!status.is_ok()) co_return status;
  std::unique_ptr<Remote> result = std::move(remote);
  co_return std::move(result);
}

}  // namespace echostream::tool
