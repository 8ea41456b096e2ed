// bench.v1.Bench served by EchoStream, with an identity made at start; the client pins its
// fingerprint.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "echostream/node.h"

#include "bench.echostream.h"
#include "bench/support/process_usage.h"
#include "bench/support/server_options.h"

namespace bench {
namespace {

using echostream::Call;
using echostream::Reader;
using echostream::Result;
using echostream::Status;
using echostream::StatusCode;
using echostream::Task;

class Handler final : public v1::Bench::Handler {
 public:
  Task<Result<v1::Blob>> Echo(Call&, v1::Blob request) override { co_return std::move(request); }

  Task<Status> Note(Call&, v1::Blob) override {
    if (++notes_ == awaited_notes_) notes_arrived_.notify_all();
    co_return Status::ok();
  }

  Task<Result<v1::NoteCount>> AwaitNotes(Call&, v1::NoteCount wanted) override {
    while (notes_ < wanted.count()) {
      awaited_notes_ = wanted.count();
      const echostream::WaitResult result = co_await notes_arrived_.wait();
      if (result == echostream::WaitResult::kCancelled) {
        co_return Status(StatusCode::kCancelled, "not all notes have come");
      }
    }
    v1::NoteCount reply;
    reply.set_count(notes_);
    co_return std::move(reply);
  }

  Task<Result<v1::Received>> Upload(Call&, Reader<v1::Blob> in) override {
    v1::Received received;
    while (auto frame = co_await in.next()) {
      received.set_messages(received.messages() + 1);
      received.set_bytes(received.bytes() + frame->message.payload().size());
    }
    if (!in.status().is_ok()) co_return in.status();
    co_return std::move(received);
  }

  Task<Result<v1::Usage>> GetUsage(Call&, v1::UsageRequest) override {
    v1::Usage usage;
    usage.set_cpu_seconds(cpu_seconds());
    usage.set_resident_bytes(resident_bytes());
    usage.set_notes_received(notes_);
    co_return std::move(usage);
  }

 private:
  std::uint64_t notes_ = 0;
  std::uint64_t awaited_notes_ = 0;
  echostream::WaitPoint notes_arrived_;
};

int fail(const Status& status) {
  std::fprintf(stderr, "echostream_bench_server: %s\n", status.to_string().c_str());
  return 1;
}

int run(const ServerOptions& options) {
  auto loop = echostream::make_loop();
  if (!loop) return fail(loop.error());
  auto identity = echostream::Identity::self_signed("localhost", (*loop)->wall_time());
  if (!identity) return fail(identity.error());
  echostream::NodeOptions node_options;
  node_options.identity = *identity;
  echostream::Node node(**loop, std::move(node_options));
  if (Status status = node.serve(std::make_shared<Handler>()); !status.is_ok()) return fail(status);
  auto address = node.listen(options.listen);
  if (!address) return fail(address.error());
  auto signals = (*loop)->watch_stop_signals([&loop](int) { (*loop)->stop(); });
  if (!signals) return fail(signals.error());
  std::printf("listening %s fingerprint %s\n", address->to_string().c_str(),
              identity->fingerprint().to_string().c_str());
  std::fflush(stdout);
  (*loop)->run();
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options =
      bench::parse_server_options(argc, argv, "echostream_bench_server", false, exit_code);
  if (!options) return exit_code;
  bench::limit_lifetime(options->lifetime_seconds);
  return bench::run(*options);
}
