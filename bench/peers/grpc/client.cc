// The benchmark's rows over gRPC with TLS on one channel: a completion queue served by one thread
// where many calls are out at once, the blocking stub where there is one.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bench.grpc.pb.h"
#include "bench/support/media.h"
#include "bench/support/peer.h"

namespace bench {
namespace {

Failure failure_of(const grpc::Status& status) {
  return status.ok() ? Failure() : "gRPC: " + status.error_message();
}

v1::Blob blob_of(std::size_t bytes) {
  v1::Blob blob;
  blob.set_payload(std::string(bytes, 'x'));
  return blob;
}

// One of the calls that are out at once. Starts the next one when its reply is there.
class Caller {
 public:
  Caller(v1::Bench::Stub& stub, grpc::CompletionQueue& queue)
      : stub_(stub), queue_(queue), request_(blob_of(kUnaryBytes)) {}
  void start() {
    call_.emplace();
    call_->rpc = stub_.AsyncEcho(&call_->context, request_, &queue_);
    call_->rpc->Finish(&call_->reply, &call_->status, this);
  }
  const grpc::Status& status() const { return call_->status; }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::Blob reply;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::Blob>> rpc;
  };
  v1::Bench::Stub& stub_;
  grpc::CompletionQueue& queue_;
  v1::Blob request_;
  std::optional<Call> call_;
};

class GrpcPeer final : public Peer {
 public:
  GrpcPeer(const ClientOptions& options, std::string certificate)
      : address_(options.connect), certificate_(std::move(certificate)), stub_(connect()) {}

  bool has(const std::string& row) const override {
    return row != kMediaBesideBulk && row != kGrowth;
  }

  Failure echo() override { return echo_with(*stub_); }

  Failure echo_many(std::size_t outstanding, Budget& budget, std::uint64_t& done) override {
    grpc::CompletionQueue queue;
    std::deque<Caller> callers;
    for (std::size_t i = 0; i < outstanding; ++i) callers.emplace_back(*stub_, queue);
    std::size_t out = 0;
    for (Caller& caller : callers) {
      if (!budget.take()) break;
      caller.start();
      ++out;
    }
    grpc::Status failure;
    void* tag = nullptr;
    bool ok = false;
    while (out > 0 && queue.Next(&tag, &ok)) {
      auto& caller = *static_cast<Caller*>(tag);
      --out;
      if (!caller.status().ok()) failure = caller.status();
      ++done;
      if (failure.ok() && budget.take()) {
        caller.start();
        ++out;
      }
    }
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) continue;
    return failure_of(failure);
  }

  // gRPC has no one-way call; a client stream is its way to send what gets no reply.
  Failure upload(std::size_t bytes, Budget& budget, std::uint64_t& sent) override {
    grpc::WriteOptions write_options;
    // The buffer hint lets gRPC put several small messages into one write.
    if (bytes < kBulkBytes) write_options.set_buffer_hint();
    const v1::Blob blob = blob_of(bytes);
    grpc::ClientContext context;
    v1::Received received;
    auto writer = stub_->Upload(&context, &received);
    while (budget.take() && writer->Write(blob, write_options)) ++sent;
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    if (status.ok() && received.messages() != sent) {
      return "the server counted other messages than were sent";
    }
    return failure_of(status);
  }

  Failure usage(ServerUsage& usage) override {
    grpc::ClientContext context;
    v1::Usage reply;
    const grpc::Status status = stub_->GetUsage(&context, v1::UsageRequest(), &reply);
    usage = {reply.cpu_seconds(), static_cast<double>(reply.resident_bytes())};
    return failure_of(status);
  }

  Failure echo_on_new_connection(bool hold) override {
    auto stub = connect();
    Failure failure = echo_with(*stub);
    if (hold) held_.push_back(std::move(stub));
    return failure;
  }

  Failure send_media(Budget& budget, std::vector<double>& ages_us) override {
    // A first call, so that the connection is there.
    if (Failure failure = echo(); !failure.empty()) return failure;
    grpc::ClientContext context;
    v1::Ages ages;
    auto writer = stub_->MediaReliable(&context, &ages);
    MediaFrames frames;
    v1::Blob frame;
    for (auto due = Budget::Clock::now(); budget.take(); std::this_thread::sleep_until(due)) {
      frame.set_payload(frames.next());
      if (!writer->Write(frame)) break;
      due += kFrameInterval;
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    ages_us.assign(ages.age_us().begin(), ages.age_us().end());
    return failure_of(status);
  }

 private:
  std::unique_ptr<v1::Bench::Stub> connect() const {
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = certificate_;
    grpc::ChannelArguments arguments;
    // Channels of one process share connections otherwise, and every session is to be a new one.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride("localhost");
    return v1::Bench::NewStub(
        grpc::CreateCustomChannel(address_, grpc::SslCredentials(ssl), arguments));
  }

  static Failure echo_with(v1::Bench::Stub& stub) {
    grpc::ClientContext context;
    const v1::Blob request = blob_of(kUnaryBytes);
    v1::Blob reply;
    const grpc::Status status = stub.Echo(&context, request, &reply);
    if (status.ok() && reply.payload() != request.payload()) {
      return "the reply is not what was sent";
    }
    return failure_of(status);
  }

  std::string address_;
  std::string certificate_;
  std::unique_ptr<v1::Bench::Stub> stub_;
  std::vector<std::unique_ptr<v1::Bench::Stub>> held_;
};

std::unique_ptr<Peer> make(const ClientOptions& options, Failure& why) {
  std::ifstream file(options.credential);
  std::ostringstream certificate;
  certificate << file.rdbuf();
  if (!file) {
    why = "cannot read " + options.credential;
    return nullptr;
  }
  return std::make_unique<GrpcPeer>(options, certificate.str());
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::ClientProgram program{"echostream_bench_grpc_client", "--certificate",
                                     "FILE, the server's certificate (PEM)"};
  return bench::run_peer(argc, argv, program, "grpc", bench::make);
}
