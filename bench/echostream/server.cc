// bench.v1.Bench served by EchoStream, with an identity made at start; the client pins its
// fingerprint.
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "echostream/http.h"
#include "echostream/node_pool.h"

#include "bench.echostream.h"
#include "bench/echostream/plugins.h"
#include "bench/echostream/thin_layers.h"
#include "bench/echostream/wide_service.h"
#include "bench/support/client_options.h"
#include "bench/support/media.h"
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

// More than the growth row opens.
constexpr std::size_t kMostSessions = 20'000;

class Handler final : public v1::Bench::Handler {
 public:
  /// Opens a node that serves a WideService of so many methods, and says where.
  using OpenNode = std::function<Result<std::string>(std::size_t methods)>;
  void set_open_node(OpenNode open_node) { open_node_ = std::move(open_node); }

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

  Task<Result<v1::Ages>> MediaReliable(Call&, Reader<v1::Blob> in) override {
    return measure_ages(std::move(in));
  }
  Task<Result<v1::Ages>> MediaExpiring(Call&, Reader<v1::Blob> in) override {
    return measure_ages(std::move(in));
  }
  Task<Result<v1::Ages>> MediaDatagram(Call&, Reader<v1::Blob> in) override {
    return measure_ages(std::move(in));
  }

  bool Ticks(const v1::TickFilter&, const v1::Blob&) override { return true; }

  Task<Result<v1::NoteCount>> SendTicks(Call&, v1::TickOrder order) override {
    v1::Blob tick;
    tick.set_payload(std::string(kUnaryBytes, 't'));
    for (std::uint32_t i = 0; i < order.count(); ++i) {
      PublishTicks(tick);
      ++ticks_;
      if (order.pause_us() == 0) continue;
      (void)co_await echostream::sleep_for(std::chrono::microseconds(order.pause_us()));
    }
    v1::NoteCount published;
    published.set_count(ticks_);
    co_return std::move(published);
  }

  Task<Result<v1::Listening>> Listen(Call&, v1::ListenRequest request) override {
    if (!open_node_) {
      co_return Status(StatusCode::kUnimplemented, "the growth row needs a server of one thread");
    }
    auto address = open_node_(request.methods());
    if (!address) co_return address.error();
    v1::Listening listening;
    listening.set_address(*address);
    co_return std::move(listening);
  }

 private:
  static Task<Result<v1::Ages>> measure_ages(Reader<v1::Blob> in) {
    v1::Ages ages;
    while (auto frame = co_await in.next()) {
      ages.add_age_us(frame_age_us(frame->message.payload()));
    }
    if (!in.status().is_ok()) co_return in.status();
    co_return std::move(ages);
  }

  OpenNode open_node_;
  std::uint64_t ticks_ = 0;
  std::uint64_t notes_ = 0;
  std::uint64_t awaited_notes_ = 0;
  echostream::WaitPoint notes_arrived_;
};

int fail(const Status& status) {
  std::fprintf(stderr, "echostream_bench_server: %s\n", status.to_string().c_str());
  return 1;
}

// The growth row's nodes: what a session costs by itself, without the exchange of its clock and
// without pings.
class QuietNodes {
 public:
  QuietNodes(echostream::Loop& loop, echostream::NodeOptions options, std::string host,
             std::shared_ptr<Handler> handler)
      : loop_(loop),
        options_(std::move(options)),
        host_(std::move(host)),
        handler_(std::move(handler)) {
    options_.synchronise_clocks = false;
    options_.keep_alive_interval = echostream::Duration{};
    options_.idle_timeout = std::chrono::minutes(10);
  }

  Result<std::string> open(std::size_t methods) {
    auto& node = nodes_.emplace_back(std::make_unique<echostream::Node>(loop_, options_));
    if (Status status = node->serve(handler_); !status.is_ok()) return status;
    if (Status status = node->serve(std::make_shared<WideService>(methods)); !status.is_ok()) {
      return status;
    }
    auto address = node->listen(host_ + ":0");
    if (!address) return address.error();
    return address->to_string();
  }

 private:
  echostream::Loop& loop_;
  echostream::NodeOptions options_;
  std::string host_;
  std::shared_ptr<Handler> handler_;
  std::vector<std::unique_ptr<echostream::Node>> nodes_;
};

int run_until_signal(echostream::Loop& loop, const echostream::SocketAddress& address,
                     const echostream::Fingerprint& fingerprint) {
  auto signals = loop.watch_stop_signals([&loop](int) { loop.stop(); });
  if (!signals) return fail(signals.error());
  std::printf("listening %s fingerprint %s\n", address.to_string().c_str(),
              fingerprint.to_string().c_str());
  std::fflush(stdout);
  loop.run();
  return 0;
}

// Each thread has a handler of its own: a session, and what it counts, stay on one. `loop` only
// waits for the end.
int run_on_threads(const ServerOptions& options, echostream::Loop& loop,
                   const echostream::NodeOptions& node_options) {
  echostream::NodePoolOptions pool_options;
  pool_options.threads = options.threads;
  pool_options.loop.busy_poll = std::chrono::microseconds(options.busy_poll_us);
  pool_options.node = node_options;
  auto pool = echostream::NodePool::make(std::move(pool_options));
  if (!pool) return fail(pool.error());
  const Status served = (*pool)->serve([](std::size_t) { return std::make_shared<Handler>(); });
  if (!served.is_ok()) return fail(served);
  auto address = (*pool)->listen(options.listen);
  if (!address) return fail(address.error());
  return run_until_signal(loop, *address, node_options.identity->fingerprint());
}

int run(const ServerOptions& options) {
  if (options.threads > 1 && !options.plugins.empty()) {
    return fail(Status(StatusCode::kInvalidArgument, "--plugins needs a server of one thread"));
  }
  // Polls only where it serves.
  const unsigned busy_poll_us = options.threads == 1 ? options.busy_poll_us : 0;
  auto loop = echostream::make_loop({std::chrono::microseconds(busy_poll_us)});
  if (!loop) return fail(loop.error());
  auto identity = echostream::Identity::self_signed("localhost", (*loop)->wall_time());
  if (!identity) return fail(identity.error());
  echostream::NodeOptions node_options;
  node_options.identity = *identity;
  node_options.max_sessions = kMostSessions;
  node_options.max_sessions_per_address = kMostSessions;
  node_options.max_udp_payload_bytes = options.max_udp_payload;
  if (options.threads > 1) return run_on_threads(options, **loop, node_options);
  echostream::Node node(**loop, node_options);
  add_thin_layers(node, options.middleware);
  auto handler = std::make_shared<Handler>();
  if (Status status = node.serve(handler); !status.is_ok()) return fail(status);
  if (Status status = echostream::enable_http(node); !status.is_ok()) return fail(status);
  if (Status status = add_plugins(node, options.plugins); !status.is_ok()) return fail(status);
  QuietNodes quiet(**loop, node_options, options.listen.substr(0, options.listen.rfind(':')),
                   handler);
  handler->set_open_node([&quiet](std::size_t methods) { return quiet.open(methods); });
  auto address = node.listen(options.listen);
  if (!address) return fail(address.error());
  return run_until_signal(**loop, *address, identity->fingerprint());
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
