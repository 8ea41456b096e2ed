// The benchmark's rows, measured over gRPC with TLS on one channel: a completion queue served by
// one thread where many calls are out at once, the blocking stub where there is one.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bench.grpc.pb.h"
#include "bench/support/client_options.h"
#include "bench/support/process_usage.h"
#include "bench/support/report.h"

namespace bench {
namespace {

using Clock = Budget::Clock;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// One of the calls that are out at once. Starts the next one when its reply is there.
class Caller {
 public:
  Caller(v1::Bench::Stub& stub, grpc::CompletionQueue& queue) : stub_(stub), queue_(queue) {
    request_.set_payload(std::string(kUnaryBytes, 'x'));
  }
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

class Client {
 public:
  Client(const ClientOptions& options, std::string certificate, Report& report)
      : options_(options), certificate_(std::move(certificate)), report_(report) {
    channel_ = connect();
    stub_ = v1::Bench::NewStub(channel_);
  }

  grpc::Status run() {
    using Row = grpc::Status (Client::*)();
    const std::pair<const char*, Row> rows[] = {{kUnaryLatency, &Client::unary_latency},
                                                {kUnaryThroughput, &Client::unary_throughput},
                                                {kEvents, &Client::events},
                                                {kMessages, &Client::messages},
                                                {kBulk, &Client::bulk},
                                                {kHandshake, &Client::handshake},
                                                {kMemory, &Client::memory}};
    for (const auto& [name, row] : rows) {
      if (!options_.wants(name)) continue;
      if (grpc::Status status = (this->*row)(); !status.ok()) return status;
    }
    return grpc::Status::OK;
  }

 private:
  std::shared_ptr<grpc::Channel> connect() const {
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = certificate_;
    grpc::ChannelArguments arguments;
    // Channels of one process share connections otherwise, and every session is to be a new one.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride("localhost");
    return grpc::CreateCustomChannel(options_.connect, grpc::SslCredentials(ssl), arguments);
  }

  static grpc::Status echo(v1::Bench::Stub& stub) {
    grpc::ClientContext context;
    v1::Blob request;
    request.set_payload(std::string(kUnaryBytes, 'x'));
    v1::Blob reply;
    grpc::Status status = stub.Echo(&context, request, &reply);
    if (status.ok() && reply.payload() != request.payload()) {
      return {grpc::StatusCode::DATA_LOSS, "the reply is not what was sent"};
    }
    return status;
  }

  grpc::Status server_usage(v1::Usage& usage) {
    grpc::ClientContext context;
    return stub_->GetUsage(&context, v1::UsageRequest(), &usage);
  }

  // What both ends have used of the CPU so far.
  grpc::Status cpu_times(CpuTimes& times) {
    v1::Usage usage;
    grpc::Status status = server_usage(usage);
    times.client = cpu_seconds();
    times.server = usage.cpu_seconds();
    return status;
  }

  grpc::Status report_cpu(const char* row, CpuTimes before, std::uint64_t operations) {
    CpuTimes after;
    grpc::Status status = cpu_times(after);
    if (status.ok()) report_.add_cpu(row, before, after, operations);
    return status;
  }

  grpc::Status warm_up() {
    for (std::uint64_t i = 0; i < kWarmUpCalls; ++i) {
      if (grpc::Status status = echo(*stub_); !status.ok()) return status;
    }
    return grpc::Status::OK;
  }

  void add_latencies(const char* row, std::vector<double>& samples) {
    report_.add(row, "p50_us", percentile(samples, 0.5));
    report_.add(row, "p99_us", percentile(samples, 0.99));
    report_.add(row, "samples", static_cast<double>(samples.size()));
  }

  grpc::Status unary_latency() {
    if (grpc::Status status = warm_up(); !status.ok()) return status;
    std::vector<double> samples;
    Budget budget(options_);
    while (budget.take()) {
      const auto start = Clock::now();
      if (grpc::Status status = echo(*stub_); !status.ok()) return status;
      samples.push_back(microseconds_since(start));
    }
    add_latencies(kUnaryLatency, samples);
    return grpc::Status::OK;
  }

  grpc::Status unary_throughput() {
    if (grpc::Status status = warm_up(); !status.ok()) return status;
    CpuTimes before;
    if (grpc::Status status = cpu_times(before); !status.ok()) return status;
    Budget budget(options_);
    std::uint64_t done = 0;
    if (grpc::Status status = echo_many(budget, done); !status.ok()) return status;
    const double seconds = budget.elapsed_seconds();
    report_.add(kUnaryThroughput, "calls_per_s", static_cast<double>(done) / seconds);
    return report_cpu(kUnaryThroughput, before, done);
  }

  grpc::Status echo_many(Budget& budget, std::uint64_t& done) {
    grpc::CompletionQueue queue;
    std::deque<Caller> callers;
    for (std::size_t i = 0; i < options_.outstanding; ++i) callers.emplace_back(*stub_, queue);
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
    return failure;
  }

  // gRPC has no one-way call; a client stream is its way to send what gets no reply.
  grpc::Status events() {
    // The buffer hint lets gRPC put several messages into one write.
    return upload(kEvents, kMessageBytes, grpc::WriteOptions().set_buffer_hint());
  }
  grpc::Status messages() {
    return upload(kMessages, kMessageBytes, grpc::WriteOptions().set_buffer_hint());
  }
  grpc::Status bulk() { return upload(kBulk, kBulkBytes, grpc::WriteOptions()); }

  grpc::Status upload(const char* row, std::size_t bytes, grpc::WriteOptions write_options) {
    if (grpc::Status status = warm_up(); !status.ok()) return status;
    v1::Blob blob;
    blob.set_payload(std::string(bytes, 'x'));
    CpuTimes before;
    if (grpc::Status status = cpu_times(before); !status.ok()) return status;
    grpc::ClientContext context;
    v1::Received received;
    auto writer = stub_->Upload(&context, &received);
    Budget budget(options_);
    std::uint64_t sent = 0;
    while (budget.take() && writer->Write(blob, write_options)) ++sent;
    writer->WritesDone();
    if (grpc::Status status = writer->Finish(); !status.ok()) return status;
    const double seconds = budget.elapsed_seconds();
    if (received.messages() != sent) {
      return {grpc::StatusCode::DATA_LOSS, "the server counted other messages than were sent"};
    }
    report_.add(row, "messages_per_s", static_cast<double>(sent) / seconds);
    report_.add(row, "mb_per_s", 1e-6 * static_cast<double>(received.bytes()) / seconds);
    return report_cpu(row, before, sent);
  }

  grpc::Status handshake() {
    std::vector<double> samples;
    Budget budget(options_);
    while (budget.take()) {
      const auto start = Clock::now();
      auto stub = v1::Bench::NewStub(connect());
      if (grpc::Status status = echo(*stub); !status.ok()) return status;
      samples.push_back(microseconds_since(start));
    }
    add_latencies(kHandshake, samples);
    return grpc::Status::OK;
  }

  grpc::Status memory() {
    std::vector<std::unique_ptr<v1::Bench::Stub>> stubs;
    const std::size_t few = options_.sessions / 5;
    double few_bytes = 0;
    double many_bytes = 0;
    if (grpc::Status status = hold_sessions(few, stubs, few_bytes); !status.ok()) return status;
    if (grpc::Status status = hold_sessions(options_.sessions, stubs, many_bytes); !status.ok()) {
      return status;
    }
    report_.add(kMemory, "kib_per_session",
                (many_bytes - few_bytes) / 1024 / static_cast<double>(options_.sessions - few));
    report_.add(kMemory, "sessions", static_cast<double>(options_.sessions));
    return grpc::Status::OK;
  }

  grpc::Status hold_sessions(std::size_t count, std::vector<std::unique_ptr<v1::Bench::Stub>>& held,
                             double& server_bytes) {
    while (held.size() < count) {
      held.push_back(v1::Bench::NewStub(connect()));
      if (grpc::Status status = echo(*held.back()); !status.ok()) return status;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));  // until they are idle
    v1::Usage usage;
    grpc::Status status = server_usage(usage);
    server_bytes = static_cast<double>(usage.resident_bytes());
    return status;
  }

  const ClientOptions& options_;
  std::string certificate_;
  Report& report_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Bench::Stub> stub_;
};

int run(const ClientOptions& options) {
  raise_file_limit();
  std::ifstream file(options.credential);
  std::ostringstream certificate;
  certificate << file.rdbuf();
  Report report("grpc");
  const grpc::Status status = Client(options, certificate.str(), report).run();
  report.print();
  if (!status.ok()) {
    std::fprintf(stderr, "echostream_bench_grpc_client: %s\n", status.error_message().c_str());
    return 1;
  }
  if (!options.json.empty() && !report.write_json(options.json)) {
    std::fprintf(stderr, "echostream_bench_grpc_client: cannot write %s\n", options.json.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::ClientProgram program{"echostream_bench_grpc_client", "--certificate",
                                     "FILE, the server's certificate (PEM)"};
  int exit_code = 0;
  const auto options = bench::parse_client_options(argc, argv, program, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  return bench::run(*options);
}
