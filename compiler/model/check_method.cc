#include "compiler/model/check_method.h"

#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>

#include "compiler/model/method_id.h"
#include "compiler/model/read_method.h"

namespace echostream::compiler {
namespace {

using google::protobuf::MethodDescriptor;
using Rpc = MethodOptions::Rpc;
using Event = MethodOptions::Event;
using Stream = MethodOptions::Stream;
using JitterBuffer = MethodOptions::JitterBuffer;

constexpr std::uint32_t kMaxPriority = 7;
constexpr std::uint32_t kMaxKeepLast = 1024;        // a new subscriber gets them at once
constexpr std::uint32_t kMaxQueue = 65536;          // per subscriber, in the publisher's memory
constexpr std::uint32_t kMaxJitterDelayMs = 10000;  // beyond it nobody calls it real time
constexpr std::size_t kMaxSyncGroup = 64;
// One message in 10000: fewer take minutes to be seen at all.
constexpr double kMinLatePercent = 0.01;
constexpr double kMaxLatePercent = 99;
// Clocks differ by up to 0.02 %, and somebody has to follow; half as fast is no longer a stretch.
constexpr double kMinStretchPercent = 0.1;
constexpr double kMaxStretchPercent = 50;

/// "0.1", "50", "nan".
std::string short_text(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

class MethodChecker {
 public:
  MethodChecker(const MethodDescriptor& method, const SourceMap& source, Diagnostics& diagnostics)
      : method_(method),
        options_(echostream_options(method)),
        source_(source),
        diagnostics_(diagnostics) {}

  void check() {
    check_one_kind();
    check_unknown(options_, {});
    check_id();
    if (options_.has_rpc()) check_rpc(options_.rpc());
    if (options_.has_event()) check_event(options_.event());
    if (options_.has_stream()) check_stream(options_.stream());
  }

 private:
  /// Reports at the option's field, or as near to it as the file's positions go.
  void error(std::initializer_list<int> option_path, const std::string& what) {
    diagnostics_.error(source_.locate(full_path(option_path)), "method " + name() + ": " + what);
  }

  const std::string& name() const { return method_.name(); }
  bool is_streaming() const { return method_.client_streaming() || method_.server_streaming(); }

  SourcePath full_path(std::initializer_list<int> option_path) const {
    SourcePath path = path_of(method_);
    path.push_back(google::protobuf::MethodDescriptorProto::kOptionsFieldNumber);
    path.push_back(echostream::kMethodFieldNumber);
    path.insert(path.end(), option_path);
    return path;
  }

  /// protoc itself refuses two kinds inside one { }, but not in two dotted options.
  void check_one_kind() {
    int kinds = 0;
    for (const int kind : {MethodOptions::kRpcFieldNumber, MethodOptions::kEventFieldNumber,
                           MethodOptions::kStreamFieldNumber}) {
      if (source_.contains(full_path({kind}))) ++kinds;
    }
    if (kinds > 1) {
      error({}, "has more than one of rpc, event and stream; keep the one that it is");
    }
  }

  void check_unknown(const google::protobuf::Message& message, std::initializer_list<int> path) {
    const auto& unknown = message.GetReflection()->GetUnknownFields(message);
    if (unknown.empty()) return;
    error(path, "uses option field " + std::to_string(unknown.field(0).number()) + " of " +
                    message.GetDescriptor()->full_name() +
                    ", which this protoc-gen-echostream does not know; use the plugin and the "
                    "echostream/options.proto of one EchoStream version");
  }

  void check_id() {
    if (!options_.has_id()) return;
    const std::uint64_t id = options_.id();
    if (id == 0 || id > kMaxMethodId) {
      error({MethodOptions::kIdFieldNumber},
            "id " + std::to_string(id) +
                " is out of range; write one from 1 to 4611686018427387903 (2^62 - 1), or leave id "
                "out to have it made from the name");
    }
  }

  void check_priority(bool is_set, std::uint32_t priority, std::initializer_list<int> path) {
    if (is_set && priority > kMaxPriority) {
      error(path, "priority " + std::to_string(priority) +
                      " is out of range; write 0 (first) to 7 (last)");
    }
  }

  void check_rpc(const Rpc& rpc) {
    constexpr int kRpc = MethodOptions::kRpcFieldNumber;
    check_unknown(rpc, {kRpc});
    if (is_streaming()) {
      error({kRpc},
            "is tagged rpc but streams; write `stream {}` instead of `rpc`, or remove the word "
            "`stream` from its request and reply");
    }
    if (rpc.has_deadline_ms() && rpc.deadline_ms() == 0) {
      error({kRpc, Rpc::kDeadlineMsFieldNumber},
            "deadline_ms 0 would end every call at once; write at least 1, or leave it out for no "
            "deadline");
    }
    check_priority(rpc.has_priority(), rpc.priority(), {kRpc, Rpc::kPriorityFieldNumber});
    check_idempotency(rpc);
  }

  void check_idempotency(const Rpc& rpc) {
    using Standard = google::protobuf::MethodOptions;
    const Standard::IdempotencyLevel level = method_.options().idempotency_level();
    if (level == Standard::IDEMPOTENCY_UNKNOWN || !rpc.has_idempotent() || rpc.idempotent()) return;
    error({MethodOptions::kRpcFieldNumber, Rpc::kIdempotentFieldNumber},
          "idempotent: false contradicts `option idempotency_level = " +
              Standard::IdempotencyLevel_Name(level) + "`; remove one of the two");
  }

  void check_event(const Event& event) {
    constexpr int kEvent = MethodOptions::kEventFieldNumber;
    check_unknown(event, {kEvent});
    check_priority(event.has_priority(), event.priority(), {kEvent, Event::kPriorityFieldNumber});
    if (method_.client_streaming()) {
      error({kEvent},
            "is an event but streams its request; an event is one message: remove `stream` before "
            "the request, or tag the method `stream {}`");
    } else if (method_.server_streaming()) {
      check_published(event);
    } else if (!returns_nothing(method_)) {
      error({kEvent}, "is an event but returns " + method_.output_type()->full_name() +
                          "; write `returns (google.protobuf.Empty)` for an event to the peer that "
                          "serves it, `returns (stream " +
                          method_.output_type()->name() +
                          ")` for events published to subscribers, or tag the method `rpc {}`");
    } else {
      check_one_way(event);
    }
  }

  void check_published(const Event& event) {
    constexpr int kEvent = MethodOptions::kEventFieldNumber;
    if (event.keep_last() > kMaxKeepLast) {
      error({kEvent, Event::kKeepLastFieldNumber},
            "keep_last " + std::to_string(event.keep_last()) + " is too large; write at most 1024");
    }
    if (event.has_max_queue() && (event.max_queue() == 0 || event.max_queue() > kMaxQueue)) {
      error({kEvent, Event::kMaxQueueFieldNumber},
            "max_queue " + std::to_string(event.max_queue()) +
                " is out of range; write 1 to 65536, or leave it out for the default");
    } else if (event.has_max_queue() && event.max_queue() < event.keep_last()) {
      error({kEvent, Event::kMaxQueueFieldNumber},
            "max_queue " + std::to_string(event.max_queue()) +
                " cannot hold the kept events; write at least keep_last (" +
                std::to_string(event.keep_last()) + ")");
    }
    if (event.has_slow_subscriber() && !Event::SlowSubscriber_IsValid(event.slow_subscriber())) {
      error({kEvent, Event::kSlowSubscriberFieldNumber},
            "slow_subscriber " + std::to_string(event.slow_subscriber()) +
                " does not exist; write DROP_OLDEST or DISCONNECT");
    }
    if (!Event::OnReconnect_IsValid(event.on_reconnect())) {
      error({kEvent, Event::kOnReconnectFieldNumber}, "on_reconnect " +
                                                          std::to_string(event.on_reconnect()) +
                                                          " does not exist; write RESUME or END");
    }
  }

  void check_one_way(const Event& event) {
    constexpr int kEvent = MethodOptions::kEventFieldNumber;
    const auto refuse = [&](bool is_set, int field, const char* option) {
      if (!is_set) return;
      error({kEvent, field}, std::string(option) +
                                 " is for published events, but this one goes to one peer; remove "
                                 "it, or write `returns (stream <event message>)`");
    };
    refuse(event.keep_last() != 0, Event::kKeepLastFieldNumber, "keep_last");
    refuse(event.has_max_queue(), Event::kMaxQueueFieldNumber, "max_queue");
    refuse(event.has_slow_subscriber(), Event::kSlowSubscriberFieldNumber, "slow_subscriber");
    refuse(event.has_on_reconnect(), Event::kOnReconnectFieldNumber, "on_reconnect");
  }

  void check_stream(const Stream& stream) {
    constexpr int kStream = MethodOptions::kStreamFieldNumber;
    check_unknown(stream, {kStream});
    if (!is_streaming()) {
      error({kStream},
            "is tagged stream but has one request and one reply; write `stream` before the type "
            "that flows, or tag the method `rpc {}`");
    }
    check_priority(stream.has_priority(), stream.priority(),
                   {kStream, Stream::kPriorityFieldNumber});
    check_max_age(stream);
    check_on_reconnect(stream);
    check_sync_group(stream);
    if (stream.has_jitter_buffer()) check_jitter_buffer(stream);
  }

  void check_max_age(const Stream& stream) {
    constexpr int kStream = MethodOptions::kStreamFieldNumber;
    if (!Stream::Delivery_IsValid(stream.delivery())) {
      error({kStream, Stream::kDeliveryFieldNumber},
            "delivery " + std::to_string(stream.delivery()) +
                " does not exist; write RELIABLE, EXPIRING or DATAGRAM");
    } else if (stream.delivery() == Stream::RELIABLE && stream.has_max_age_ms()) {
      error({kStream, Stream::kMaxAgeMsFieldNumber},
            "max_age_ms contradicts RELIABLE delivery, which drops nothing; remove it, or write "
            "`delivery: EXPIRING`");
    } else if (stream.delivery() == Stream::EXPIRING && !stream.has_max_age_ms()) {
      error({kStream, Stream::kDeliveryFieldNumber},
            "EXPIRING delivery needs to know when a message is too old; add `max_age_ms: <n>`");
    } else if (stream.has_max_age_ms() && stream.max_age_ms() == 0) {
      error({kStream, Stream::kMaxAgeMsFieldNumber},
            "max_age_ms 0 would drop every message; write at least 1");
    }
  }

  void check_on_reconnect(const Stream& stream) {
    constexpr int kStream = MethodOptions::kStreamFieldNumber;
    if (!Stream::OnReconnect_IsValid(stream.on_reconnect())) {
      error({kStream, Stream::kOnReconnectFieldNumber}, "on_reconnect " +
                                                            std::to_string(stream.on_reconnect()) +
                                                            " does not exist; write END or RESUME");
    } else if (stream.on_reconnect() == Stream::RESUME && method_.client_streaming()) {
      error({kStream, Stream::kOnReconnectFieldNumber},
            "on_reconnect RESUME contradicts a request that streams: what was sent on the lost "
            "session cannot be sent again; remove it, or `stream` before the request");
    }
  }

  void check_sync_group(const Stream& stream) {
    constexpr int kStream = MethodOptions::kStreamFieldNumber;
    const std::string& group = stream.sync_group();
    if (group.empty()) return;
    const bool is_plain = std::all_of(group.begin(), group.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.' || c == '-';
    });
    if (!is_plain || group.size() > kMaxSyncGroup) {
      error({kStream, Stream::kSyncGroupFieldNumber},
            "sync_group is not a name; write up to 64 characters of A-Z a-z 0-9 _ . -");
    }
    if (!stream.has_jitter_buffer()) {
      error({kStream, Stream::kSyncGroupFieldNumber},
            "sync_group needs a common playout delay; add `jitter_buffer {}`");
    }
  }

  void check_jitter_buffer(const Stream& stream) {
    check_unknown(stream.jitter_buffer(),
                  {MethodOptions::kStreamFieldNumber, Stream::kJitterBufferFieldNumber});
    check_delays(stream);
    check_late_policy(stream);
    check_max_skew(stream);
    const JitterBuffer& buffer = stream.jitter_buffer();
    if (buffer.has_max_late_percent()) {
      check_percent(JitterBuffer::kMaxLatePercentFieldNumber, "max_late_percent",
                    buffer.max_late_percent(), kMinLatePercent, kMaxLatePercent);
    }
    if (buffer.has_max_stretch_percent()) {
      check_percent(JitterBuffer::kMaxStretchPercentFieldNumber, "max_stretch_percent",
                    buffer.max_stretch_percent(), kMinStretchPercent, kMaxStretchPercent);
    }
  }

  void check_percent(int field, const char* option, double value, double least, double most) {
    // So written, it refuses NaN too.
    if (value >= least && value <= most) return;
    error({MethodOptions::kStreamFieldNumber, Stream::kJitterBufferFieldNumber, field},
          std::string(option) + " " + short_text(value) + " is out of range; write " +
              short_text(least) + " to " + short_text(most) + ", or leave it out for the default");
  }

  void check_late_policy(const Stream& stream) {
    constexpr int kStream = MethodOptions::kStreamFieldNumber;
    constexpr int kBuffer = Stream::kJitterBufferFieldNumber;
    const JitterBuffer& buffer = stream.jitter_buffer();
    if (!JitterBuffer::Profile_IsValid(buffer.profile())) {
      error({kStream, kBuffer, JitterBuffer::kProfileFieldNumber},
            "profile " + std::to_string(buffer.profile()) +
                " does not exist; write LOW_LATENCY, BALANCED or STRICT");
    }
    if (!JitterBuffer::LatePolicy_IsValid(buffer.late_policy())) {
      error({kStream, kBuffer, JitterBuffer::kLatePolicyFieldNumber},
            "late_policy " + std::to_string(buffer.late_policy()) +
                " does not exist; write AUTO, SKIP or WAIT");
    } else if (buffer.late_policy() == JitterBuffer::SKIP &&
               stream.delivery() == Stream::RELIABLE) {
      error({kStream, kBuffer, JitterBuffer::kLatePolicyFieldNumber},
            "late_policy SKIP contradicts RELIABLE delivery, which gives up nothing; remove it, or "
            "write `delivery: EXPIRING` or `delivery: DATAGRAM`");
    }
  }

  void check_max_skew(const Stream& stream) {
    constexpr int kStream = MethodOptions::kStreamFieldNumber;
    constexpr int kBuffer = Stream::kJitterBufferFieldNumber;
    const JitterBuffer& buffer = stream.jitter_buffer();
    if (!buffer.has_max_skew_ms()) return;
    if (buffer.max_skew_ms() == 0 || buffer.max_skew_ms() > kMaxJitterDelayMs) {
      error({kStream, kBuffer, JitterBuffer::kMaxSkewMsFieldNumber},
            "max_skew_ms " + std::to_string(buffer.max_skew_ms()) +
                " is out of range; write 1 to 10000, or leave it out for the default");
    } else if (stream.sync_group().empty()) {
      error({kStream, kBuffer, JitterBuffer::kMaxSkewMsFieldNumber},
            "max_skew_ms is a distance from the other streams of a sync_group, but there is none; "
            "add `sync_group: \"<name>\"`, or remove it");
    }
  }

  void check_delays(const Stream& stream) {
    constexpr int kStream = MethodOptions::kStreamFieldNumber;
    constexpr int kBuffer = Stream::kJitterBufferFieldNumber;
    const JitterBuffer& buffer = stream.jitter_buffer();
    const std::uint32_t shortest = std::max(buffer.min_delay_ms(), buffer.initial_delay_ms());
    if (std::max(shortest, buffer.max_delay_ms()) > kMaxJitterDelayMs) {
      error({kStream, kBuffer}, "a delay of jitter_buffer is too long; write at most 10000 ms");
    }
    if (buffer.has_max_delay_ms() && buffer.max_delay_ms() == 0) {
      error({kStream, kBuffer, JitterBuffer::kMaxDelayMsFieldNumber},
            "max_delay_ms 0 leaves nothing to buffer; write at least 1, or remove jitter_buffer");
    } else if (buffer.has_max_delay_ms() && buffer.min_delay_ms() > buffer.max_delay_ms()) {
      error({kStream, kBuffer},
            "min_delay_ms " + std::to_string(buffer.min_delay_ms()) + " is above max_delay_ms " +
                std::to_string(buffer.max_delay_ms()) + "; exchange them, or leave one out");
    } else if (buffer.has_initial_delay_ms() &&
               (buffer.initial_delay_ms() < buffer.min_delay_ms() ||
                (buffer.has_max_delay_ms() && buffer.initial_delay_ms() > buffer.max_delay_ms()))) {
      error({kStream, kBuffer},
            "initial_delay_ms " + std::to_string(buffer.initial_delay_ms()) +
                " lies outside min_delay_ms to max_delay_ms; move it between them, or leave it "
                "out");
    }
    if (stream.max_age_ms() != 0 && shortest >= stream.max_age_ms()) {
      error({kStream, kBuffer}, "jitter_buffer delays messages by " + std::to_string(shortest) +
                                    " ms, but they expire after max_age_ms " +
                                    std::to_string(stream.max_age_ms()) +
                                    "; raise max_age_ms above the delay");
    }
  }

  const MethodDescriptor& method_;
  const MethodOptions& options_;
  const SourceMap& source_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_method(const MethodDescriptor& method, const SourceMap& source,
                  Diagnostics& diagnostics) {
  MethodChecker(method, source, diagnostics).check();
}

}  // namespace echostream::compiler
