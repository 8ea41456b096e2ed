// bench.v1.Bench served by gRPC over TLS: one completion queue, one thread, as suits a server on
// one core.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bench.grpc.pb.h"
#include "bench/support/media.h"
#include "bench/support/process_usage.h"
#include "bench/support/server_options.h"

namespace bench {
namespace {

using Service = v1::Bench::AsyncService;

// Calls of each method that may wait for the thread before gRPC has to hold them back.
constexpr int kSlots = 256;

// What a tag of the completion queue points to.
class Step {
 public:
  virtual ~Step() = default;
  virtual void proceed(bool ok) = 0;
};

template <class Request, class Reply>
using RequestMethod = void (Service::*)(grpc::ServerContext*, Request*,
                                        grpc::ServerAsyncResponseWriter<Reply>*,
                                        grpc::CompletionQueue*, grpc::ServerCompletionQueue*,
                                        void*);

// One unary call after the other, in one slot.
template <class Request, class Reply>
class UnarySlot final : public Step {
 public:
  using Answer = void (*)(Request& request, Reply& reply);
  UnarySlot(Service& service, grpc::ServerCompletionQueue& queue,
            RequestMethod<Request, Reply> method, Answer answer)
      : service_(service), queue_(queue), method_(method), answer_(answer) {
    wait();
  }

  void proceed(bool ok) override {
    if (answering_) return wait();
    if (!ok) return;  // shutting down
    answering_ = true;
    answer_(call_->request, call_->reply);
    call_->writer.Finish(call_->reply, grpc::Status::OK, this);
  }

 private:
  // A context serves one call only.
  struct Call {
    grpc::ServerContext context;
    Request request;
    Reply reply;
    grpc::ServerAsyncResponseWriter<Reply> writer{&context};
  };
  void wait() {
    answering_ = false;
    call_.emplace();
    (service_.*method_)(&call_->context, &call_->request, &call_->writer, &queue_, &queue_, this);
  }

  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  RequestMethod<Request, Reply> method_;
  Answer answer_;
  bool answering_ = false;
  std::optional<Call> call_;
};

template <class Reply>
using RequestStream = void (Service::*)(grpc::ServerContext*,
                                        grpc::ServerAsyncReader<Reply, v1::Blob>*,
                                        grpc::CompletionQueue*, grpc::ServerCompletionQueue*,
                                        void*);

// One client stream after the other, in one slot.
template <class Reply>
class StreamSlot final : public Step {
 public:
  /// Takes a message into account.
  using Add = void (*)(const v1::Blob& message, Reply& reply);
  StreamSlot(Service& service, grpc::ServerCompletionQueue& queue, RequestStream<Reply> method,
             Add add)
      : service_(service), queue_(queue), method_(method), add_(add) {
    wait();
  }

  void proceed(bool ok) override {
    switch (state_) {
      case State::kWaiting:
        if (!ok) return;
        state_ = State::kReading;
        call_->reader.Read(&call_->blob, this);
        return;
      case State::kReading:
        if (ok) {
          add_(call_->blob, call_->reply);
          call_->reader.Read(&call_->blob, this);
          return;
        }
        state_ = State::kFinishing;
        call_->reader.Finish(call_->reply, grpc::Status::OK, this);
        return;
      case State::kFinishing:
        wait();
    }
  }

 private:
  enum class State { kWaiting, kReading, kFinishing };
  struct Call {
    grpc::ServerContext context;
    v1::Blob blob;
    Reply reply;
    grpc::ServerAsyncReader<Reply, v1::Blob> reader{&context};
  };
  void wait() {
    state_ = State::kWaiting;
    call_.emplace();
    (service_.*method_)(&call_->context, &call_->reader, &queue_, &queue_, this);
  }

  Service& service_;
  grpc::ServerCompletionQueue& queue_;
  RequestStream<Reply> method_;
  Add add_;
  State state_ = State::kWaiting;
  std::optional<Call> call_;
};

void echo(v1::Blob& request, v1::Blob& reply) { reply = std::move(request); }

void count(const v1::Blob& message, v1::Received& received) {
  received.set_messages(received.messages() + 1);
  received.set_bytes(received.bytes() + message.payload().size());
}

void measure_age(const v1::Blob& frame, v1::Ages& ages) {
  ages.add_age_us(frame_age_us(frame.payload()));
}

void get_usage(v1::UsageRequest&, v1::Usage& usage) {
  usage.set_cpu_seconds(cpu_seconds());
  usage.set_resident_bytes(resident_bytes());
}

bool read_file(const std::string& path, std::string& out) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  out = text.str();
  return in.good() && !out.empty();
}

std::shared_ptr<grpc::ServerCredentials> make_credentials(const ServerOptions& options) {
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  for (const auto& [path, text] : {std::pair(options.certificate, &pair.cert_chain),
                                   std::pair(options.key, &pair.private_key)}) {
    if (!read_file(path, *text)) {
      std::fprintf(stderr, "echostream_bench_grpc_server: cannot read %s\n", path.c_str());
      return nullptr;
    }
  }
  grpc::SslServerCredentialsOptions ssl;
  ssl.pem_key_cert_pairs.push_back(std::move(pair));
  return grpc::SslServerCredentials(ssl);
}

void serve(Service& service, grpc::ServerCompletionQueue& queue) {
  std::vector<std::unique_ptr<Step>> slots;
  for (int i = 0; i < kSlots; ++i) {
    slots.push_back(std::make_unique<UnarySlot<v1::Blob, v1::Blob>>(service, queue,
                                                                    &Service::RequestEcho, echo));
  }
  slots.push_back(std::make_unique<UnarySlot<v1::UsageRequest, v1::Usage>>(
      service, queue, &Service::RequestGetUsage, get_usage));
  slots.push_back(
      std::make_unique<StreamSlot<v1::Received>>(service, queue, &Service::RequestUpload, count));
  slots.push_back(std::make_unique<StreamSlot<v1::Ages>>(
      service, queue, &Service::RequestMediaReliable, measure_age));
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) static_cast<Step*>(tag)->proceed(ok);
}

int run(const ServerOptions& options) {
  raise_file_limit();
  auto credentials = make_credentials(options);
  if (credentials == nullptr) return 1;
  Service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, credentials, &port);
  builder.RegisterService(&service);
  auto queue = builder.AddCompletionQueue();
  auto server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "echostream_bench_grpc_server: cannot listen on %s\n",
                 options.listen.c_str());
    return 1;
  }
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  std::printf("listening %s:%d\n", host.c_str(), port);
  std::fflush(stdout);
  serve(service, *queue);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options =
      bench::parse_server_options(argc, argv, "echostream_bench_grpc_server", true, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  return bench::run(*options);
}
