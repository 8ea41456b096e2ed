#include "bench/echostream/client.h"

#include <chrono>
#include <string>
#include <utility>

#include "bench/support/process_usage.h"

namespace bench {
namespace {

using Clock = Budget::Clock;
using echostream::Result;
using echostream::Session;
using echostream::StatusCode;
using echostream::TaskGroup;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

v1::Blob blob_of(std::size_t bytes) {
  v1::Blob blob;
  blob.set_payload(std::string(bytes, 'x'));
  return blob;
}

echostream::Task<echostream::Status> echo(v1::Bench::Client stub) {
  auto reply = co_await stub.Echo(blob_of(kUnaryBytes));
  if (!reply) co_return reply.error();
  if (reply->payload() != std::string(kUnaryBytes, 'x')) {
    co_return echostream::Status(StatusCode::kDataLoss, "the reply is not what was sent");
  }
  co_return echostream::Status::ok();
}

}  // namespace

echostream::Task<echostream::Status> Client::run() {
  auto session = co_await node_.connect(options_.connect);
  if (!session) co_return session.error();
  session_ = *session;
  using Row = Task<Status> (Client::*)();
  const std::pair<const char*, Row> rows[] = {{kUnaryLatency, &Client::unary_latency},
                                              {kUnaryThroughput, &Client::unary_throughput},
                                              {kEvents, &Client::events},
                                              {kMessages, &Client::messages},
                                              {kBulk, &Client::bulk},
                                              {kHandshake, &Client::handshake},
                                              {kHandshakeResumed, &Client::handshake_resumed},
                                              {kMemory, &Client::memory},
                                              {kMediaBesideBulk, &Client::media_beside_bulk},
                                              {kLoss, &Client::loss},
                                              {kGrowth, &Client::growth}};
  for (const auto& [name, row] : rows) {
    if (!options_.wants(name)) continue;
    Status status = co_await (this->*row)();
    if (!status.is_ok()) co_return status.with_context(name);
  }
  session_->close();
  co_return Status::ok();
}

echostream::Task<echostream::Status> Client::warm_up() {
  for (std::uint64_t i = 0; i < kWarmUpCalls; ++i) {
    Status status = co_await echo(stub());
    if (!status.is_ok()) co_return status;
  }
  co_return Status::ok();
}

echostream::Task<Result<CpuTimes>> Client::cpu_times() {
  auto usage = co_await stub().GetUsage(v1::UsageRequest());
  if (!usage) co_return usage.error();
  CpuTimes times;
  times.client = cpu_seconds();
  times.server = usage->cpu_seconds();
  co_return times;
}

echostream::Task<echostream::Status> Client::report_cpu(const char* row, CpuTimes before,
                                                        std::uint64_t operations) {
  auto after = co_await cpu_times();
  if (!after) co_return after.error();
  report_.add_cpu(row, before, *after, operations);
  co_return Status::ok();
}

echostream::Task<echostream::Status> Client::unary_latency() {
  Status status = co_await warm_up();
  if (!status.is_ok()) co_return status;
  std::vector<double> samples;
  Budget budget(options_);
  while (budget.take()) {
    const auto start = Clock::now();
    status = co_await echo(stub());
    if (!status.is_ok()) co_return status;
    samples.push_back(microseconds_since(start));
  }
  report_.add_times(kUnaryLatency, samples);
  co_return Status::ok();
}

echostream::Task<void> Client::keep_calling(Budget& budget, std::uint64_t& done, Status& failure) {
  Stub client = stub();
  while (failure.is_ok() && budget.take()) {
    auto reply = co_await client.Echo(blob_of(kUnaryBytes));
    if (!reply) {
      failure = reply.error();
      co_return;
    }
    ++done;
  }
}

echostream::Task<echostream::Status> Client::unary_throughput() {
  Status status = co_await warm_up();
  if (!status.is_ok()) co_return status;
  auto before = co_await cpu_times();
  if (!before) co_return before.error();
  Budget budget(options_);
  std::uint64_t done = 0;
  TaskGroup callers(node_.loop());
  for (std::size_t i = 0; i < options_.outstanding; ++i) {
    callers.spawn(keep_calling(budget, done, status));
  }
  co_await callers.join();
  if (!status.is_ok()) co_return status;
  const double seconds = budget.elapsed_seconds();
  report_.add(kUnaryThroughput, "calls_per_s", static_cast<double>(done) / seconds);
  status = co_await report_cpu(kUnaryThroughput, *before, done);
  co_return status;
}

echostream::Task<echostream::Status> Client::send_notes(Budget& budget, std::uint64_t& sent) {
  Stub client = stub();
  const v1::Blob note = blob_of(kMessageBytes);
  while (budget.take()) {
    Status status = co_await client.Note(note);
    if (!status.is_ok()) co_return status;
    ++sent;
  }
  co_return Status::ok();
}

echostream::Task<echostream::Status> Client::events() {
  Status status = co_await warm_up();
  if (!status.is_ok()) co_return status;
  auto notes_before = co_await stub().GetUsage(v1::UsageRequest());
  if (!notes_before) co_return notes_before.error();
  auto before = co_await cpu_times();
  if (!before) co_return before.error();
  Budget budget(options_);
  std::uint64_t sent = 0;
  status = co_await send_notes(budget, sent);
  if (!status.is_ok()) co_return status;
  v1::NoteCount wanted;
  wanted.set_count(notes_before->notes_received() + sent);
  auto arrived = co_await stub().AwaitNotes(wanted);
  if (!arrived) co_return arrived.error();
  const double seconds = budget.elapsed_seconds();
  report_.add(kEvents, "messages_per_s", static_cast<double>(sent) / seconds);
  report_.add(kEvents, "mb_per_s", 1e-6 * static_cast<double>(sent * kMessageBytes) / seconds);
  status = co_await report_cpu(kEvents, *before, sent);
  co_return status;
}

echostream::Task<echostream::Status> Client::messages() { return upload(kMessages, kMessageBytes); }
echostream::Task<echostream::Status> Client::bulk() { return upload(kBulk, kBulkBytes); }

echostream::Task<echostream::Status> Client::upload(const char* row, std::size_t bytes) {
  Status status = co_await warm_up();
  if (!status.is_ok()) co_return status;
  const v1::Blob blob = blob_of(bytes);
  auto before = co_await cpu_times();
  if (!before) co_return before.error();
  auto stream = co_await stub().Upload();
  Budget budget(options_);
  std::uint64_t sent = 0;
  while (budget.take()) {
    status = co_await stream.write(blob);
    if (!status.is_ok()) co_return status;
    ++sent;
  }
  auto received = co_await stream.finish();
  if (!received) co_return received.error();
  const double seconds = budget.elapsed_seconds();
  if (received->messages() != sent) {
    co_return Status(StatusCode::kDataLoss, "the server counted other messages than were sent");
  }
  report_.add(row, "messages_per_s", static_cast<double>(sent) / seconds);
  report_.add(row, "mb_per_s", 1e-6 * static_cast<double>(received->bytes()) / seconds);
  status = co_await report_cpu(row, *before, sent);
  co_return status;
}

echostream::Task<echostream::Status> Client::handshake() {
  std::vector<double> samples;
  Budget budget(options_);
  echostream::ConnectOptions full;
  full.resume = false;
  while (budget.take()) {
    const auto start = Clock::now();
    auto session = co_await node_.connect(options_.connect, full);
    if (!session) co_return session.error();
    Status status = co_await echo(session->client<v1::Bench>());
    if (!status.is_ok()) co_return status;
    samples.push_back(microseconds_since(start));
    session->close();
  }
  report_.add_times(kHandshake, samples);
  co_return Status::ok();
}

// The same with tickets of the sessions before, and the call as early data.
echostream::Task<echostream::Status> Client::handshake_resumed() {
  std::vector<double> samples;
  std::uint64_t early = 0;
  Budget budget(options_);
  echostream::ConnectOptions resumed;
  resumed.early_data = true;
  while (budget.take()) {
    const auto start = Clock::now();
    auto session = co_await node_.connect(options_.connect, resumed);
    if (!session) co_return session.error();
    Status status = co_await echo(session->client<v1::Bench>());
    if (!status.is_ok()) co_return status;
    samples.push_back(microseconds_since(start));
    early += session->early_data_accepted().value_or(false);
    session->close();
  }
  report_.add_times(kHandshakeResumed, samples);
  report_.add(kHandshakeResumed, "early_share",
              static_cast<double>(early) / static_cast<double>(samples.size()));
  co_return Status::ok();
}

echostream::Task<echostream::Status> Client::memory() {
  std::vector<Session> held;
  const std::size_t few = options_.sessions / 5;
  auto few_bytes = co_await hold_sessions(few, held);
  if (!few_bytes) co_return few_bytes.error();
  auto many_bytes = co_await hold_sessions(options_.sessions, held);
  if (!many_bytes) co_return many_bytes.error();
  report_.add(kMemory, "kib_per_session",
              (*many_bytes - *few_bytes) / 1024 / static_cast<double>(options_.sessions - few));
  report_.add(kMemory, "sessions", static_cast<double>(options_.sessions));
  for (Session& session : held) session.close();
  co_return Status::ok();
}

echostream::Task<Result<double>> Client::hold_sessions(std::size_t count,
                                                       std::vector<Session>& held) {
  echostream::ConnectOptions full;
  full.resume = false;
  while (held.size() < count) {
    auto session = co_await node_.connect(options_.connect, full);
    if (!session) co_return session.error();
    held.push_back(*session);
    Status status = co_await echo(session->client<v1::Bench>());
    if (!status.is_ok()) co_return status;
  }
  (void)co_await echostream::sleep_for(std::chrono::milliseconds(500));  // until they are idle
  auto usage = co_await stub().GetUsage(v1::UsageRequest());
  if (!usage) co_return usage.error();
  co_return static_cast<double>(usage->resident_bytes());
}

}  // namespace bench
