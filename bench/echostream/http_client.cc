// echostream_bench_http_client: measures an echostream_bench_server over HTTP/3, as Connect with
// protobuf.
#include "runtime/gateway/client/http_client.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "echostream/base/task_group.h"
#include "echostream/loop.h"

#include "bench.pb.h"
#include "bench/support/client_options.h"
#include "bench/support/process_usage.h"
#include "bench/support/report.h"

namespace bench {
namespace {

using echostream::Result;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;
using echostream::gateway::HttpClient;
using echostream::gateway::HttpRequest;

HttpRequest post(const char* method, const google::protobuf::MessageLite& message) {
  HttpRequest request("POST", std::string("/bench.v1.Bench/") + method);
  request.fields.add("content-type", "application/proto");
  request.fields.add("connect-protocol-version", "1");
  request.body = echostream::Buffer::copy(message.SerializeAsString());
  return request;
}

// One call, and what came of it.
Task<Status> call(HttpClient& http, const char* method,
                  const google::protobuf::MessageLite& message,
                  google::protobuf::MessageLite& reply) {
  auto response = co_await http.fetch(post(method, message));
  if (!response) co_return response.error();
  if (response->status != 200) {
    co_return Status(StatusCode::kUnknown,
                     "HTTP status " + std::to_string(response->status) + ": " +
                         std::string(echostream::as_text(response->body.view())));
  }
  const echostream::BytesView body = response->body.view();
  if (!reply.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    co_return Status(StatusCode::kDataLoss, "the reply cannot be decoded");
  }
  co_return Status::ok();
}

Task<Status> echo(HttpClient& http) {
  v1::Blob blob;
  blob.set_payload(std::string(kUnaryBytes, 'x'));
  v1::Blob reply;
  Status status = co_await call(http, "Echo", blob, reply);
  if (status.is_ok() && reply.payload() != blob.payload()) {
    co_return Status(StatusCode::kDataLoss, "the reply is not what was sent");
  }
  co_return status;
}

Task<void> keep_calling(HttpClient& http, Budget& budget, std::uint64_t& done, Status& failure) {
  while (failure.is_ok() && budget.take()) {
    Status status = co_await echo(http);
    if (!status.is_ok()) {
      failure = std::move(status);
      co_return;
    }
    ++done;
  }
}

Task<Result<CpuTimes>> cpu_times(HttpClient& http) {
  v1::Usage usage;
  Status status = co_await call(http, "GetUsage", v1::UsageRequest(), usage);
  if (!status.is_ok()) co_return status;
  CpuTimes times;
  times.client = cpu_seconds();
  times.server = usage.cpu_seconds();
  co_return times;
}

Task<Status> unary_throughput(echostream::Loop& loop, HttpClient& http,
                              const ClientOptions& options, Report& report) {
  Status status;
  for (std::uint64_t i = 0; i < kWarmUpCalls && status.is_ok(); ++i) status = co_await echo(http);
  if (!status.is_ok()) co_return status;
  auto before = co_await cpu_times(http);
  if (!before) co_return before.error();
  Budget budget(options);
  std::uint64_t done = 0;
  echostream::TaskGroup callers(loop);
  for (std::size_t i = 0; i < options.outstanding; ++i) {
    callers.spawn(keep_calling(http, budget, done, status));
  }
  co_await callers.join();
  if (!status.is_ok()) co_return status;
  report.add(kUnaryThroughput, "calls_per_s", static_cast<double>(done) / budget.elapsed_seconds());
  auto after = co_await cpu_times(http);
  if (!after) co_return after.error();
  report.add_cpu(kUnaryThroughput, *before, *after, done);
  co_return Status::ok();
}

Task<Status> measure(echostream::Loop& loop, const ClientOptions& options,
                     echostream::Fingerprint server, Report& report) {
  echostream::gateway::HttpClientOptions http_options(echostream::Trust::pinned({server}));
  auto http = co_await HttpClient::connect(loop, options.connect, http_options);
  if (!http) co_return http.error();
  if (!options.wants(kUnaryThroughput)) co_return Status::ok();
  Status status = co_await unary_throughput(loop, **http, options, report);
  co_return status.is_ok() ? status : status.with_context(kUnaryThroughput);
}

int fail(const Status& status) {
  std::fprintf(stderr, "echostream_bench_http_client: %s\n", status.to_string().c_str());
  return 1;
}

int run(const ClientOptions& options) {
  auto fingerprint = echostream::Fingerprint::parse(options.credential);
  if (!fingerprint) return fail(fingerprint.error());
  auto loop = echostream::make_loop({std::chrono::microseconds(options.busy_poll_us)});
  if (!loop) return fail(loop.error());
  Report report("http");
  const Status status = echostream::run(**loop, measure(**loop, options, *fingerprint, report));
  report.print();
  if (!status.is_ok()) return fail(status);
  if (!options.json.empty() && !report.write_json(options.json)) {
    return fail(Status(StatusCode::kUnknown, "cannot write " + options.json));
  }
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::ClientProgram program{"echostream_bench_http_client", "--fingerprint",
                                     "HEX, as the server prints it"};
  int exit_code = 0;
  const auto options = bench::parse_client_options(argc, argv, program, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  return bench::run(*options);
}
