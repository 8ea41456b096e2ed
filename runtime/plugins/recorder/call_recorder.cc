#include "runtime/plugins/recorder/call_recorder.h"

#include <optional>
#include <utility>

#include "runtime/plugins/recorder/method_patterns.h"
#include "runtime/plugins/recorder/recording.pb.h"

namespace echostream::recorder {
namespace {

using recording::v1::CallEnded;
using recording::v1::ClockSample;
using Side = InterceptedCall::Side;
using Direction = CallMessage::Direction;

constexpr char kCallsTopic[] = "/echostream/calls";
constexpr char kClockTopic[] = "/echostream/clock/";

// Session::state().
struct RecordedSession {
  std::uint64_t number = 0;
  bool is_told = false;
  bool is_closed = false;
  std::shared_ptr<const Topic> clock_topic;
};

std::string_view state_name(ClockState state) {
  switch (state) {
    case ClockState::kAcquiring:
      return "ACQUIRING";
    case ClockState::kTracking:
      return "TRACKING";
    case ClockState::kHoldover:
      return "HOLDOVER";
    case ClockState::kPathChanged:
      return "PATH_CHANGED";
    case ClockState::kUnreliable:
      return "UNRELIABLE";
  }
  return "";
}

std::shared_ptr<const Topic> make_topic(std::string name,
                                        const google::protobuf::Descriptor* type) {
  auto topic = std::make_shared<Topic>();
  topic->name = std::move(name);
  topic->type = type;
  return topic;
}

mcap::StringMap describe(const Session& session, std::uint64_t number) {
  mcap::StringMap map = {{"session", std::to_string(number)},
                         {"peer", session.remote_address().to_string()}};
  if (const auto identity = session.peer_identity()) {
    map.emplace_back("peer_fingerprint", identity->fingerprint().to_string());
    if (!identity->common_name().empty()) map.emplace_back("peer_name", identity->common_name());
  }
  return map;
}

// One call. Its layer and its filter share it: a reply passes the filters of the serving side when
// the layers have returned.
class CallRecord {
 public:
  CallRecord(std::shared_ptr<CallLog> log, InterceptedCall& call)
      : log_(std::move(log)), call_(&call), executor_(call.executor()), number_(log_->next_call()) {
    place_.method = &call.method();
    place_.side = call.side();
    for (const std::string& key : log_->options().metadata_keys) {
      const auto value = call.metadata().find(key);
      if (!value) continue;
      CallEnded::Entry& entry = *ended_.add_metadata();
      entry.set_key(key);
      entry.set_value(std::string(*value));
    }
    if (place_.side == Side::kServer) take_slot();
  }
  ~CallRecord();
  CallRecord(const CallRecord&) = delete;
  CallRecord& operator=(const CallRecord&) = delete;

  void add(const CallMessage& message);
  void set_end(const Status& status) { end_ = status; }
  /// The InterceptedCall is not asked any more, and time is over.
  void leave_call() {
    call_ = nullptr;
    ended_at_ = executor_.now();
  }

 private:
  bool take_slot();
  std::optional<std::uint64_t> publish_time(const CallMessage& message, LocalTime now) const;

  std::shared_ptr<CallLog> log_;
  InterceptedCall* call_;
  Executor& executor_;
  std::uint32_t number_;
  CallPlace place_;
  std::optional<Session> session_;
  std::unique_ptr<CallSlot> slot_;
  CallEnded ended_;
  LocalTime ended_at_{};
  Status end_{StatusCode::kCancelled, "the call was cancelled"};
};

// A caller's not before there is something to record: only then its session is known for certain.
bool CallRecord::take_slot() {
  if (slot_ || call_ == nullptr) return slot_ != nullptr;
  session_ = call_->session();
  if (!session_) return false;
  place_.session = log_->session_number(*session_);
  place_.peer = session_->remote_address().to_string();
  slot_ = log_->slots().take(place_);
  return true;
}

std::optional<std::uint64_t> CallRecord::publish_time(const CallMessage& message,
                                                      LocalTime now) const {
  const RemoteTime captured = message.capture_time;
  if (captured == RemoteTime{}) return std::nullopt;  // not known
  const RecordingClock& clock = log_->clock();
  if (message.direction == Direction::kSent) {
    return clock.at_if_near(LocalTime(captured.time_since_epoch()), now);
  }
  const SessionClock peer = session_->clock();
  if (peer.estimate().samples == 0) return std::nullopt;
  return clock.at_if_near(peer.to_local(captured), now);
}

void CallRecord::add(const CallMessage& message) {
  if (!take_slot()) return;
  const bool is_sent = message.direction == Direction::kSent;
  const bool is_request = is_sent == (place_.side == Side::kCaller);
  const LocalTime now = executor_.now();
  QueuedMessage queued;
  queued.topic = is_request ? slot_->request() : slot_->response();
  queued.bytes = message.bytes;
  queued.header.sequence =
      message.is_frame ? static_cast<std::uint32_t>(message.sequence) : number_;
  const bool has_time = message.is_frame && message.time != LocalTime{};
  queued.header.log_time = log_->clock().at(has_time ? message.time : now);
  queued.header.publish_time = queued.header.log_time;
  if (message.is_frame) {
    if (const auto time = publish_time(message, now)) queued.header.publish_time = *time;
  }
  log_->push(std::move(queued));
}

// A caller's call of which nothing was recorded leaves no trace. The loop may be gone by now:
// whoever holds the end of a stream holds this.
CallRecord::~CallRecord() {
  if (!slot_) return;
  ended_.set_method(std::string(place_.method->full_name));
  ended_.set_side(std::string(side_name(place_.side)));
  ended_.set_session(place_.session);
  ended_.set_slot(slot_->number());
  ended_.set_code(std::string(to_string(end_.code())));
  ended_.set_message(std::string(end_.message()));
  log_->push_ended(log_->clock().at(ended_at_), ended_.SerializeAsString());
  log_->give_back(std::move(slot_), *session_);
}

class RecordingFilter final : public MessageFilter {
 public:
  explicit RecordingFilter(std::shared_ptr<CallRecord> record) : record_(std::move(record)) {}
  Status on_message(CallMessage& message) override {
    record_->add(message);
    return Status::ok();
  }

 private:
  std::shared_ptr<CallRecord> record_;
};

// Also when the call is dropped, and next() never returns.
class LeaveCall {
 public:
  explicit LeaveCall(CallRecord& record) : record_(record) {}
  ~LeaveCall() { record_.leave_call(); }
  LeaveCall(const LeaveCall&) = delete;
  LeaveCall& operator=(const LeaveCall&) = delete;

 private:
  CallRecord& record_;
};

Task<Status> record(std::shared_ptr<CallLog> log, InterceptedCall& call, Next next) {
  auto record = std::make_shared<CallRecord>(std::move(log), call);
  const LeaveCall leave(*record);
  call.add_filter(std::make_unique<RecordingFilter>(record));
  Status status = co_await next();
  record->set_end(status);
  co_return status;
}

}  // namespace

std::uint64_t CallLog::session_number(const Session& session) {
  auto& known = session.state().get_or_emplace<RecordedSession>();
  if (known.number != 0) return known.number;
  known.number = next_session_++;
  known.is_told = thread_->push(QueuedSession{known.number, describe(session, known.number)});
  return known.number;
}

void CallLog::handle_session_closed(const Session& session) {
  auto* known = session.state().get<RecordedSession>();
  if (known == nullptr) return;
  known->is_closed = true;
  slots_.forget_session(known->number);
  if (known->is_told) thread_->push(QueuedSession{known->number, std::nullopt});
}

void CallLog::give_back(std::unique_ptr<CallSlot> slot, const Session& session) {
  slot.reset();
  const auto* known = session.state().get<RecordedSession>();
  // Its last calls may end, and even begin, after a session.
  if (known != nullptr && known->is_closed) slots_.forget_session(known->number);
}

void CallLog::record_clock(const Session& session, LocalTime now) {
  const ClockEstimate estimate = session.clock().estimate();
  if (estimate.samples == 0) return;
  const std::uint64_t number = session_number(session);
  auto& known = session.state().get_or_emplace<RecordedSession>();
  if (!known.clock_topic) {
    known.clock_topic = make_topic(kClockTopic + std::to_string(number), ClockSample::descriptor());
  }
  ClockSample sample;
  sample.set_state(std::string(state_name(estimate.state)));
  sample.set_samples(estimate.samples);
  sample.set_offset_ns(estimate.offset.count());
  sample.set_bound_ns(estimate.bound.count());
  sample.set_estimated_error_ns(estimate.estimated_error.count());
  sample.set_skew_ppm(estimate.skew_ppm);
  sample.set_least_rtt_ns(estimate.least_rtt.count());
  const std::uint64_t time = clock_.at(now);
  push({known.clock_topic, {0, 0, time, time}, Buffer::copy(sample.SerializeAsString())});
}

void CallLog::push_ended(std::uint64_t time, std::string encoded) {
  if (!calls_topic_) calls_topic_ = make_topic(kCallsTopic, CallEnded::descriptor());
  push({calls_topic_, {0, 0, time, time}, Buffer::copy(encoded)});
}

bool RecordingMiddleware::wants(const MethodInfo& method, Side) const {
  return matches_any(log_->options().methods, method.full_name) &&
         !matches_any(log_->options().except, method.full_name);
}

Task<Status> RecordingMiddleware::call(InterceptedCall& call, Next next) {
  return record(log_, call, next);
}

Task<Status> RecordingMiddleware::serve(InterceptedCall& call, Next next) {
  return record(log_, call, next);
}

}  // namespace echostream::recorder
