#include "bench/echostream/growth.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "bench/echostream/client.h"
#include "bench/echostream/wide_service.h"
#include "bench/support/process_usage.h"

namespace bench {
namespace {

using echostream::Result;
using echostream::Status;
using echostream::StatusCode;

// Operations behind each point.
constexpr std::uint64_t kOperations = 50'000;
// Calls in a row over one session. An acknowledgement travels with the next call; after the last
// one it travels alone, which is no matter of how many sessions there are, but would look like one.
constexpr std::uint64_t kCallsInARow = 25;
// Below Limits::max_subscriptions.
constexpr std::size_t kSubscriptionsPerSession = 100;
// Events are published one at a time: how far apart, and how many for one request, so that the
// request costs little beside them.
constexpr std::uint32_t kTickPauseUs = 1000;
constexpr std::size_t kArrivalsPerOrder = 1000;
constexpr std::uint64_t kArrivalsAtOne = 3000;
constexpr std::size_t kManyMethods = 600;
constexpr auto kPatience = std::chrono::seconds(20);

v1::Blob small_blob() {
  v1::Blob blob;
  blob.set_payload(std::string(kUnaryBytes, 'x'));
  return blob;
}

double per_100k(double cpu_seconds, std::uint64_t operations) {
  return cpu_seconds * 1e5 / static_cast<double>(operations);
}

echostream::NodeOptions quiet(echostream::NodeOptions options) {
  options.synchronise_clocks = false;
  options.keep_alive_interval = echostream::Duration{};
  options.idle_timeout = std::chrono::minutes(10);
  options.max_sessions = 20'000;
  return options;
}

}  // namespace

Growth::Growth(echostream::Loop& loop, echostream::NodeOptions node_options,
               echostream::Session main, const ClientOptions& options, Report& report)
    : loop_(loop),
      main_(std::move(main)),
      options_(options),
      report_(report),
      node_(loop, quiet(std::move(node_options))),
      readers_(loop) {}

echostream::Task<Status> Growth::run() {
  // Sessions first: what later parts have freed would hide their memory.
  Status status = co_await measure_sessions();
  if (status.is_ok()) status = co_await measure_subscribers();
  if (status.is_ok()) status = co_await measure_methods();
  co_return status;
}

echostream::Task<Status> Growth::open_node(std::size_t methods) {
  v1::ListenRequest request;
  request.set_methods(static_cast<std::uint32_t>(methods));
  auto listening = co_await main_stub().Listen(request);
  if (!listening) co_return listening.error();
  address_ = listening->address();
  for (echostream::Session& session : sessions_) session.close();
  sessions_.clear();
  co_return Status::ok();
}

echostream::Task<Status> Growth::open_sessions(std::size_t count) {
  while (sessions_.size() < count) {
    auto session = co_await node_.connect(address_);
    if (!session) co_return session.error();
    sessions_.push_back(*session);
  }
  co_return Status::ok();
}

echostream::Task<Result<double>> Growth::cpu_so_far() {
  auto usage = co_await main_stub().GetUsage(v1::UsageRequest());
  if (!usage) co_return usage.error();
  co_return cpu_seconds() + usage->cpu_seconds();
}

echostream::Task<Result<double>> Growth::server_bytes() {
  auto usage = co_await main_stub().GetUsage(v1::UsageRequest());
  if (!usage) co_return usage.error();
  co_return static_cast<double>(usage->resident_bytes());
}

void Growth::report_cost(const std::string& what, std::size_t point, double cost) {
  const std::string name = std::to_string(point);
  if (point == 1) first_cost_ = cost;
  report_.add(kGrowth, what + "_cpu_" + name, cost);
  if (point > 1) report_.add(kGrowth, what + "_ratio_" + name, cost / first_cost_);
}

echostream::Task<Status> Growth::measure_sessions() {
  Status status = co_await open_node(1);
  std::size_t previous = 0;
  double previous_bytes = 0;
  for (const std::size_t count : {std::size_t{1}, options_.most / 10, options_.most}) {
    if (status.is_ok()) status = co_await open_sessions(count);
    if (status.is_ok()) status = co_await call_in_turn(kOperations / 2);
    if (!status.is_ok()) co_return status;
    auto before = co_await cpu_so_far();
    if (!before) co_return before.error();
    status = co_await call_in_turn(kOperations);
    auto after = co_await cpu_so_far();
    if (!after) co_return after.error();
    report_cost("sessions", count, per_100k(*after - *before, kOperations));
    auto bytes = co_await server_bytes();
    if (!bytes) co_return bytes.error();
    if (count > 1) {
      report_.add(kGrowth, "kib_per_session_" + std::to_string(count),
                  (*bytes - previous_bytes) / 1024 / static_cast<double>(count - previous));
    }
    previous = count;
    previous_bytes = *bytes;
  }
  co_return status;
}

echostream::Task<Status> Growth::call_in_turn(std::uint64_t calls) {
  const v1::Blob request = small_blob();
  for (std::uint64_t i = 0; i < calls; ++i) {
    auto stub = sessions_[i / kCallsInARow % sessions_.size()].client<v1::Bench>();
    auto reply = co_await stub.Echo(request);
    if (!reply) co_return reply.error();
  }
  co_return Status::ok();
}

echostream::Task<Status> Growth::measure_subscribers() {
  Status status = co_await open_node(1);
  double full_session_cost = 0;
  for (const std::size_t count :
       {std::size_t{1}, kSubscriptionsPerSession, options_.most / 10, options_.most}) {
    if (status.is_ok()) status = co_await subscribe(count);
    const std::uint64_t arrivals =
        count == 1 ? kArrivalsAtOne : std::max<std::uint64_t>(2 * kOperations, 2 * count);
    if (status.is_ok()) status = co_await publish(arrivals / 4);
    if (!status.is_ok()) co_return status;
    auto before = co_await cpu_so_far();
    if (!before) co_return before.error();
    status = co_await publish(arrivals);
    auto after = co_await cpu_so_far();
    if (!after) co_return after.error();
    const double cost = per_100k(*after - *before, arrivals);
    report_cost("subscribers", count, cost);
    if (count == kSubscriptionsPerSession) full_session_cost = cost;
    if (count == options_.most) {
      report_.add(kGrowth, "full_sessions_ratio_" + std::to_string(count),
                  cost / full_session_cost);
    }
  }
  readers_.clear();
  co_return status;
}

echostream::Task<Status> Growth::subscribe(std::size_t count) {
  // A new subscriber gets the latest event at once, if there is one.
  v1::TickOrder order;
  order.set_count(1);
  const std::uint64_t expected = ticks_ + count;
  auto published = co_await main_stub().SendTicks(order);
  if (!published) co_return published.error();
  while (readers_.size() < count) {
    const std::size_t session = readers_.size() / kSubscriptionsPerSession;
    Status status = co_await open_sessions(session + 1);
    if (!status.is_ok()) co_return status;
    auto stub = sessions_[session].client<v1::Bench>();
    while (readers_.size() < std::min(count, (session + 1) * kSubscriptionsPerSession)) {
      auto ticks = co_await stub.Ticks(v1::TickFilter());
      readers_.spawn(read_ticks(std::move(ticks)));
    }
  }
  awaited_ticks_ = expected;
  const echostream::LocalTime deadline = loop_.now() + kPatience;
  while (ticks_ < awaited_ticks_ && loop_.now() < deadline) {
    (void)co_await ticks_arrived_.wait(deadline);
  }
  if (ticks_ < awaited_ticks_) co_return Status(StatusCode::kDataLoss, "a subscription failed");
  co_return Status::ok();
}

echostream::Task<void> Growth::read_ticks(echostream::Reader<v1::Blob> ticks) {
  while (auto tick = co_await ticks.next()) {
    if (++ticks_ == awaited_ticks_) ticks_arrived_.notify_all();
  }
}

echostream::Task<Status> Growth::publish(std::uint64_t arrivals) {
  const std::size_t subscribers = readers_.size();
  v1::TickOrder order;
  order.set_count(
      static_cast<std::uint32_t>(std::max<std::size_t>(1, kArrivalsPerOrder / subscribers)));
  order.set_pause_us(kTickPauseUs);
  const std::uint64_t end = ticks_ + arrivals;
  while (ticks_ < end) {
    awaited_ticks_ = ticks_ + order.count() * subscribers;
    auto published = co_await main_stub().SendTicks(order);
    if (!published) co_return published.error();
    const echostream::LocalTime deadline = loop_.now() + kPatience;
    while (ticks_ < awaited_ticks_ && loop_.now() < deadline) {
      (void)co_await ticks_arrived_.wait(deadline);
    }
    if (ticks_ < awaited_ticks_) co_return Status(StatusCode::kDataLoss, "an event did not arrive");
  }
  co_return Status::ok();
}

echostream::Task<Status> Growth::measure_methods() {
  for (const std::size_t count : {std::size_t{1}, kManyMethods}) {
    Status status = co_await open_node(count);
    if (status.is_ok()) status = co_await open_sessions(1);
    if (!status.is_ok()) co_return status;
    const WideService service(count);
    const std::vector<echostream::MethodInfo> methods(service.info().methods.begin(),
                                                      service.info().methods.end());
    status = co_await call_methods(methods, kOperations);
    if (!status.is_ok()) co_return status;
    auto before = co_await cpu_so_far();
    if (!before) co_return before.error();
    status = co_await call_methods(methods, 2 * kOperations);
    if (!status.is_ok()) co_return status;
    auto after = co_await cpu_so_far();
    if (!after) co_return after.error();
    report_cost("methods", count, per_100k(*after - *before, 2 * kOperations));
  }
  co_return Status::ok();
}

echostream::Task<Status> Growth::call_methods(const std::vector<echostream::MethodInfo>& methods,
                                              std::uint64_t calls) {
  Status failure;
  echostream::TaskGroup callers(loop_);
  for (std::size_t i = 0; i < options_.outstanding; ++i) {
    callers.spawn(keep_calling(methods, calls, failure));
  }
  co_await callers.join();
  co_return failure;
}

echostream::Task<void> Growth::keep_calling(const std::vector<echostream::MethodInfo>& methods,
                                            std::uint64_t& left, Status& failure) {
  const auto request = echostream::internal::encode_message(small_blob());
  v1::Blob reply;
  while (left > 0 && failure.is_ok()) {
    const echostream::MethodInfo& method = methods[--left % methods.size()];
    echostream::CallOptions options;
    echostream::Buffer bytes = *request;
    Status status = co_await echostream::internal::unary_call(sessions_[0].channel(), method, bytes,
                                                              reply, options);
    if (!status.is_ok()) failure = status;
  }
}

echostream::Task<Status> Client::growth() {
  auto fingerprint = echostream::Fingerprint::parse(options_.credential);
  if (!fingerprint) co_return fingerprint.error();
  echostream::NodeOptions node_options;
  node_options.trust = echostream::Trust::pinned({*fingerprint});
  Growth growth(node_.loop(), std::move(node_options), *session_, options_, report_);
  Status status = co_await growth.run();
  co_return status;
}

}  // namespace bench
