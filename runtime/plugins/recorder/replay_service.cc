#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/task_group.h"
#include "echostream/base/wait.h"
#include "echostream/plugins/replay.h"
#include "echostream/raw_service.h"

#include "runtime/plugins/recorder/method_patterns.h"
#include "runtime/plugins/recorder/replay_script.h"

namespace echostream {
namespace {

using recorder::ReplayCall;
using recorder::ReplayFrame;
using recorder::ReplayMethod;
using recorder::ReplayScript;

// A recording is a file like others: its times may say anything.
constexpr Duration kLongest = std::chrono::hours(24 * 365);

// The recorded calls that answer one request, and which of them is next.
struct Answers {
  std::vector<const ReplayCall*> calls;
  std::size_t next = 0;

  const ReplayCall& take() {
    const ReplayCall& call = *calls[next];
    next = (next + 1) % calls.size();
    return call;
  }
};

struct Method {
  /// The keys are the bytes of the requests, which the script holds.
  std::map<std::string_view, Answers> by_request;
  Answers all;
};

Status not_recorded(const MethodInfo& method) {
  return {StatusCode::kNotFound,
          "the recording has no call of " + std::string(method.full_name) + " with this request"};
}

// Of an rpc or client stream.
Result<Buffer> reply_of(const ReplayCall& recorded) {
  if (recorded.end && !recorded.end->is_ok()) return *recorded.end;
  if (recorded.responses.empty()) {
    return Status(StatusCode::kNotFound, "the recording ends before this call was answered");
  }
  return recorded.responses.front().bytes;
}

// How a stream ends here. That the caller of then left, or its session broke, is no end of ours.
Status end_of(const ReplayCall& recorded) {
  if (!recorded.end || recorded.end->code() == StatusCode::kCancelled ||
      recorded.end->code() == StatusCode::kUnavailable) {
    return Status::ok();
  }
  return *recorded.end;
}

Task<void> throw_away(Reader<Buffer> in) {
  while (auto frame = co_await in.next()) {
  }
}

class ReplayService final : public RawService {
 public:
  ReplayService(std::string name, double speed, bool any_request,
                std::shared_ptr<ReplayScript> script)
      : name_(std::move(name)),
        speed_(speed),
        any_request_(any_request),
        script_(std::move(script)) {}

  /// Before the service is served. False when nothing was recorded of the method.
  bool add(const ReplayMethod& recorded);

  const ServiceInfo& info() const override { return info_; }
  Task<Result<Buffer>> serve_rpc(Call& call, Buffer request) override;
  Task<Status> serve_event(Call&, Buffer) override { co_return Status::ok(); }
  Task<Status> serve_server_stream(Call& call, Buffer request, Writer<Buffer> out) override;
  Task<Result<Buffer>> serve_client_stream(Call& call, Reader<Buffer> in) override;
  Task<Status> serve_duplex(Call& call, Reader<Buffer> in, Writer<Buffer> out) override;

 private:
  Method& method_of(const Call& call) {
    return methods_[static_cast<std::size_t>(&call.method() - infos_.data())];
  }
  const ReplayCall* choose(const Call& call, const Buffer& request);
  Duration scaled(Duration at) const;
  Task<Status> play(const ReplayCall& recorded, Writer<Buffer> out);

  std::string name_;
  double speed_;
  bool any_request_;
  std::shared_ptr<const ReplayScript> script_;
  std::vector<MethodInfo> infos_;
  std::vector<Method> methods_;
  ServiceInfo info_;
};

bool ReplayService::add(const ReplayMethod& recorded) {
  // A node that called itself recorded both sides of each call; the server's is the truer one.
  bool has_server = false;
  for (const ReplayCall& call : recorded.calls) has_server = has_server || call.is_of_server;
  Method method;
  for (const ReplayCall& call : recorded.calls) {
    if (call.is_of_server != has_server) continue;
    method.all.calls.push_back(&call);
    if (call.request) method.by_request[call.request->text()].calls.push_back(&call);
  }
  if (method.all.calls.empty()) return false;
  infos_.push_back(recorded.method.info());
  methods_.push_back(std::move(method));
  info_.full_name = name_;
  info_.methods = infos_;
  return true;
}

const ReplayCall* ReplayService::choose(const Call& call, const Buffer& request) {
  Method& method = method_of(call);
  const auto same = method.by_request.find(request.text());
  if (same != method.by_request.end()) return &same->second.take();
  return any_request_ ? &method.all.take() : nullptr;
}

Duration ReplayService::scaled(Duration at) const {
  const Duration near = std::clamp(at, -kLongest, kLongest);
  if (speed_ == 1) return near;  // to the nanosecond
  const double scaled = static_cast<double>(near.count()) / speed_;
  const auto most = static_cast<double>(kLongest.count());
  return Duration(static_cast<Duration::rep>(std::clamp(scaled, -most, most)));
}

Task<Status> ReplayService::play(const ReplayCall& recorded, Writer<Buffer> out) {
  const internal::TaskContext context = co_await internal::current_context();
  const LocalTime begun = context.executor->now();
  for (const ReplayFrame& frame : recorded.responses) {
    WriteOptions options;
    if (speed_ > 0) {
      const LocalTime due = begun + scaled(frame.at);
      options.capture_time = due;
      if (due > context.executor->now()) {
        const WaitResult slept = co_await sleep_until(due);
        if (slept == WaitResult::kCancelled) {
          co_return Status(StatusCode::kCancelled, "the stream was cancelled");
        }
      }
    }
    Status written = co_await out.write(frame.bytes, options);
    if (!written.is_ok()) co_return written;
  }
  co_return end_of(recorded);
}

Task<Result<Buffer>> ReplayService::serve_rpc(Call& call, Buffer request) {
  const ReplayCall* recorded = choose(call, request);
  if (recorded == nullptr) co_return not_recorded(call.method());
  co_return reply_of(*recorded);
}

Task<Status> ReplayService::serve_server_stream(Call& call, Buffer request, Writer<Buffer> out) {
  const ReplayCall* recorded = choose(call, request);
  if (recorded == nullptr) co_return not_recorded(call.method());
  Status played = co_await play(*recorded, std::move(out));
  // A subscription has no end of its own: a client would only subscribe again.
  if (played.is_ok() && call.method().kind == MethodKind::kPublished) {
    (void)co_await sleep_until(kNever);
  }
  co_return played;
}

Task<Result<Buffer>> ReplayService::serve_client_stream(Call& call, Reader<Buffer> in) {
  co_await throw_away(std::move(in));
  co_return reply_of(method_of(call).all.take());
}

Task<Status> ReplayService::serve_duplex(Call& call, Reader<Buffer> in, Writer<Buffer> out) {
  const internal::TaskContext context = co_await internal::current_context();
  TaskGroup readers(*context.executor);
  readers.spawn(throw_away(std::move(in)));
  Status played = co_await play(method_of(call).all.take(), std::move(out));
  co_return played;
}

Status nothing_to_serve(const RecordingDamage& damage) {
  std::string text = "the recording has no calls that can be served";
  if (!damage.reason.empty()) text += " (" + damage.reason + ")";
  return {StatusCode::kNotFound, text};
}

}  // namespace

Result<Replay> load_replay(RecordingReader reader, ReplayOptions options) {
  if (!(options.speed >= 0 && options.speed <= 1e6)) {
    return Status(StatusCode::kInvalidArgument, "ReplayOptions::speed must be 0 to a million");
  }
  auto script = std::make_shared<ReplayScript>(options.max_bytes);
  while (auto message = reader.next()) {
    const std::string_view method = message->channel->metadata_value("method");
    if (!method.empty() && !recorder::matches_any(options.methods, method)) continue;
    if (Status added = script->add(*message); !added.is_ok()) return added;
  }
  Replay replay;
  replay.damage = reader.damage();
  replay.messages = script->messages();
  std::map<std::string, std::shared_ptr<ReplayService>, std::less<>> services;
  for (auto& [name, recorded] : script->methods()) {
    auto& service = services[std::string(recorded.method.service())];
    if (!service) {
      service = std::make_shared<ReplayService>(std::string(recorded.method.service()),
                                                options.speed, options.any_request, script);
    }
    if (service->add(recorded)) replay.calls += recorded.calls.size();
  }
  for (auto& [name, service] : services) {
    if (!service->info().methods.empty()) replay.services.push_back(std::move(service));
  }
  if (replay.services.empty()) return nothing_to_serve(replay.damage);
  return replay;
}

Result<Replay> load_replay(const std::string& path, ReplayOptions options) {
  auto reader = RecordingReader::open(path);
  if (!reader) return reader.error();
  return load_replay(*std::move(reader), std::move(options));
}

}  // namespace echostream
