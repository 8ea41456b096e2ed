#include "runtime/plugins/metrics/families.h"

#include <prometheus/client_metric.h>
#include <prometheus/metric_type.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace echostream::internal {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Side = InterceptedCall::Side;
using Labels = std::vector<ClientMetric::Label>;

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
double in_seconds(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

struct MethodCounterName {
  MethodCount which;
  const char* name;  // after "echostream_server_" or "echostream_client_"
  const char* help;
  bool is_nanoseconds = false;
  /// Shown only where it is not zero: most methods have no jitter buffer.
  bool is_rare = false;
};

constexpr MethodCounterName kMethodCounters[] = {
    {MethodCount::kStarted, "started_total", "Calls, subscriptions and streams begun."},
    {MethodCount::kMessagesReceived, "msg_received_total",
     "Messages received: requests, replies, events, frames."},
    {MethodCount::kMessagesSent, "msg_sent_total",
     "Messages sent: requests, replies, events, frames."},
    {MethodCount::kBytesReceived, "msg_received_bytes_total",
     "Bytes of these messages, encoded, before compression."},
    {MethodCount::kBytesSent, "msg_sent_bytes_total",
     "Bytes of these messages, encoded, before compression."},
    {MethodCount::kFramesLost, "stream_frames_lost_total",
     "Frames and events that were missing when a later one was handed out.", false, true},
    {MethodCount::kFramesEmitted, "jitter_buffer_frames_total",
     "Frames handed out by jitter buffers.", false, true},
    {MethodCount::kFramesLate, "jitter_buffer_frames_late_total",
     "Frames that came after their turn was given up.", false, true},
    {MethodCount::kFramesDropped, "jitter_buffer_frames_dropped_total",
     "Frames that were here in time and given up to shorten the delay, or for room.", false, true},
    {MethodCount::kFramesReordered, "jitter_buffer_frames_reordered_total",
     "Frames that arrived behind a later one.", false, true},
    {MethodCount::kFramesDuplicate, "jitter_buffer_frames_duplicate_total",
     "Frames that arrived more than once.", false, true},
    {MethodCount::kConcealmentEvents, "jitter_buffer_concealments_total",
     "How often filler began because a frame was missing.", false, true},
    {MethodCount::kFreezes, "jitter_buffer_freezes_total", "Interruptions of more than 150 ms.",
     false, true},
    {MethodCount::kDelay, "jitter_buffer_delay_seconds_total",
     "From arrival to playout, added up over the frames handed out: divide by their number.", true,
     true},
    {MethodCount::kConcealed, "jitter_buffer_concealed_seconds_total",
     "Filler while a frame was missing.", true, true},
    {MethodCount::kSilentConcealed, "jitter_buffer_silent_concealed_seconds_total",
     "Filler where the sender itself sent nothing.", true, true},
    {MethodCount::kDecelerated, "jitter_buffer_decelerated_seconds_total",
     "Time gained by playing slower than captured.", true, true},
    {MethodCount::kAccelerated, "jitter_buffer_accelerated_seconds_total",
     "Time saved by playing faster than captured.", true, true},
    {MethodCount::kFrozen, "jitter_buffer_frozen_seconds_total",
     "Length of the interruptions of more than 150 ms.", true, true},
};

struct TransportCounterName {
  TransportCount which;
  const char* name;
  const char* help;
};
constexpr TransportCounterName kTransportCounters[] = {
    {TransportCount::kBytesSent, "echostream_quic_sent_bytes_total", "UDP payload sent."},
    {TransportCount::kBytesReceived, "echostream_quic_received_bytes_total",
     "UDP payload received."},
    {TransportCount::kPacketsSent, "echostream_quic_packets_sent_total", "QUIC packets sent."},
    {TransportCount::kPacketsReceived, "echostream_quic_packets_received_total",
     "QUIC packets received."},
    {TransportCount::kPacketsLost, "echostream_quic_packets_lost_total",
     "QUIC packets declared lost. Always 0 with ngtcp2 before 1.16, which does not say."},
    {TransportCount::kDatagramsSent, "echostream_quic_datagram_frames_sent_total",
     "DATAGRAM frames sent."},
    {TransportCount::kDatagramsReceived, "echostream_quic_datagram_frames_received_total",
     "DATAGRAM frames received."},
    {TransportCount::kDatagramsDropped, "echostream_quic_datagram_frames_dropped_total",
     "DATAGRAM frames dropped unsent: stale, or the queue was full."},
    {TransportCount::kDatagramsLost, "echostream_quic_datagram_frames_lost_total",
     "DATAGRAM frames sent and lost, as far as acknowledgements tell."},
    {TransportCount::kEcnMarked, "echostream_quic_ecn_marked_packets_sent_total",
     "Packets sent with an ECN mark."},
    {TransportCount::kEcnCongestion, "echostream_quic_ecn_congestion_packets_received_total",
     "Packets received with 'congestion experienced'."},
};

struct NodeCounterName {
  NodeCount which;
  const char* name;
  const char* help;
};
constexpr NodeCounterName kNodeCounters[] = {
    {NodeCount::kHandshakesStarted, "echostream_quic_handshakes_started_total",
     "Handshakes that clients have begun."},
    {NodeCount::kClientsRefused, "echostream_quic_clients_refused_total",
     "Clients turned away before there was a session: limits, or the node shuts down."},
    {NodeCount::kRetriesSent, "echostream_quic_retries_sent_total",
     "Clients asked to prove their address."},
    {NodeCount::kStatelessResetsSent, "echostream_quic_stateless_resets_sent_total",
     "Stateless resets sent."},
    {NodeCount::kDatagramsDropped, "echostream_quic_datagrams_dropped_total",
     "UDP datagrams that belonged to nothing."},
    {NodeCount::kCallsOverLimit, "echostream_server_calls_over_limit_total",
     "Calls refused because too many handlers ran, or too many subscriptions were there."},
    {NodeCount::kLoopStalls, "echostream_loop_stalls_total",
     "How often the loop stood still for more than a second."},
};

constexpr const char* kClockStateNames[kClockStates] = {"acquiring", "tracking", "holdover",
                                                        "path_changed", "unreliable"};

class Page {
 public:
  explicit Page(const NodeSeries& series) : series_(series) {}
  std::vector<MetricFamily> make() {
    add_side("echostream_server_", Side::kServer);
    add_side("echostream_client_", Side::kCaller);
    add_sessions();
    add_node();
    add_clocks();
    for (const TransportCounterName& counter : kTransportCounters) {
      MetricFamily& family = begin(counter.name, counter.help, MetricType::Counter);
      add_counter(family, {}, static_cast<double>(series_.counts[index(counter.which)].value()));
    }
    add_histogram(begin("echostream_quic_rtt_seconds",
                        "Smoothed round trip of each open session, looked at once a second.",
                        MetricType::Histogram),
                  {}, series_.rtt);
    add_build_info();
    std::erase_if(families_, [](const MetricFamily& family) { return family.metric.empty(); });
    return std::move(families_);
  }

 private:
  MetricFamily& begin(std::string name, const char* help, MetricType type) {
    MetricFamily& family = families_.emplace_back();
    family.name = std::move(name);
    family.help = help;
    family.type = type;
    return family;
  }
  static ClientMetric& add(MetricFamily& family, Labels labels) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }
  static void add_counter(MetricFamily& family, Labels labels, double value) {
    add(family, std::move(labels)).counter.value = value;
  }
  static void add_gauge(MetricFamily& family, Labels labels, double value) {
    add(family, std::move(labels)).gauge.value = value;
  }
  static void add_histogram(MetricFamily& family, Labels labels,
                            const DurationHistogram& histogram) {
    ClientMetric::Histogram& out = add(family, std::move(labels)).histogram;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
      cumulative += histogram.count(i);
      const bool is_last = i == histogram.bounds().size();
      out.bucket.push_back({cumulative, is_last ? std::numeric_limits<double>::infinity()
                                                : in_seconds(histogram.bounds()[i])});
    }
    out.sample_count = cumulative;
    out.sample_sum = in_seconds(histogram.sum());
  }
  static Labels labels_of(const MethodSeries& method) {
    return {{"service", method.service}, {"method", method.method}, {"kind", method.kind}};
  }
  template <class Visit>
  void for_each(Side side, Visit&& visit) {
    series_.for_each_method([&](const MethodSeries& method) {
      if (method.side == side) visit(method);
    });
  }

  void add_side(const std::string& prefix, Side side) {
    for (const MethodCounterName& counter : kMethodCounters) {
      MetricFamily& family = begin(prefix + counter.name, counter.help, MetricType::Counter);
      for_each(side, [&](const MethodSeries& method) {
        const std::uint64_t value = method.counts[index(counter.which)].value();
        if (counter.is_rare && value == 0) return;
        add_counter(family, labels_of(method),
                    counter.is_nanoseconds ? in_seconds(value) : static_cast<double>(value));
      });
    }
    add_handled(prefix, side);
    MetricFamily& handling =
        begin(prefix + "handling_seconds", "From the beginning of a call to its end.",
              MetricType::Histogram);
    for_each(side, [&](const MethodSeries& method) {
      add_histogram(handling, labels_of(method), method.handling);
    });
    MetricFamily& in_flight =
        begin(prefix + "in_flight", "Calls, subscriptions and streams open.", MetricType::Gauge);
    for_each(side, [&](const MethodSeries& method) {
      add_gauge(in_flight, labels_of(method),
                static_cast<double>(method.levels[index(MethodLevel::kInFlight)].value()));
    });
    add_buffer_level(prefix + "jitter_buffer_current_delay_seconds",
                     "What the open jitter buffers add to the least delay of the network; mean.",
                     side, MethodLevel::kDelay);
    add_buffer_level(prefix + "jitter_buffer_target_delay_seconds",
                     "What the open jitter buffers aim at; mean.", side, MethodLevel::kTargetDelay);
  }
  void add_handled(const std::string& prefix, Side side) {
    MetricFamily& handled =
        begin(prefix + "handled_total", "Calls, subscriptions and streams ended, by status code.",
              MetricType::Counter);
    for_each(side, [&](const MethodSeries& method) {
      for (std::size_t code = 0; code < kStatusCodes; ++code) {
        const std::uint64_t value = method.handled[code].value();
        // OK is always there, so that a rate of errors can be divided by something.
        if (value == 0 && code != 0) continue;
        Labels labels = labels_of(method);
        labels.push_back({"code", std::string(to_string(static_cast<StatusCode>(code)))});
        add_counter(handled, std::move(labels), static_cast<double>(value));
      }
    });
  }
  void add_buffer_level(std::string name, const char* help, Side side, MethodLevel which) {
    MetricFamily& family = begin(std::move(name), help, MetricType::Gauge);
    for_each(side, [&](const MethodSeries& method) {
      const std::int64_t buffers = method.levels[index(MethodLevel::kBuffers)].value();
      if (buffers <= 0) return;
      add_gauge(family, labels_of(method),
                in_seconds(Duration(method.levels[index(which)].value() / buffers)));
    });
  }

  std::uint64_t value(NodeCount which) const { return series_.node_counts[index(which)].value(); }
  static std::uint64_t total(const std::array<Count, kStatusCodes>& counts) {
    std::uint64_t sum = 0;
    for (const Count& count : counts) sum += count.value();
    return sum;
  }
  static void add_by_code(MetricFamily& family, const std::array<Count, kStatusCodes>& counts) {
    for (std::size_t code = 0; code < kStatusCodes; ++code) {
      const std::uint64_t count = counts[code].value();
      if (count == 0) continue;
      add_counter(family, {{"code", std::string(to_string(static_cast<StatusCode>(code)))}},
                  static_cast<double>(count));
    }
  }

  void add_sessions() {
    add_gauge(begin("echostream_quic_connections", "Sessions open.", MetricType::Gauge), {},
              static_cast<double>(series_.sessions_open.value()));
    add_gauge(begin("echostream_quic_connections_opening",
                    "Sessions whose handshake is not complete, or that plugins are looking at.",
                    MetricType::Gauge),
              {}, static_cast<double>(series_.sessions_opening.value()));
    MetricFamily& handshakes =
        begin("echostream_quic_handshakes_total",
              "Sessions dialled and accepted, by what came of them.", MetricType::Counter);
    const std::uint64_t resumed = value(NodeCount::kResumed);
    const std::pair<const char*, std::uint64_t> results[] = {
        {"full", value(NodeCount::kOpened) - std::min(resumed, value(NodeCount::kOpened))},
        {"resumed", resumed},
        {"failed", total(series_.sessions_failed)},
        {"refused", value(NodeCount::kRefused)}};
    for (const auto& [result, count] : results) {
      add_counter(handshakes, {{"result", result}}, static_cast<double>(count));
    }
    add_by_code(
        begin("echostream_sessions_closed_total",
              "Sessions that were open and ended, by the code of the reason.", MetricType::Counter),
        series_.sessions_closed);
    add_by_code(begin("echostream_sessions_failed_total",
                      "Sessions that ended before they were open, by the code of the reason.",
                      MetricType::Counter),
                series_.sessions_failed);
    MetricFamily& early =
        begin("echostream_quic_early_data_total",
              "Sessions with early data: taken by the server, or sent again.", MetricType::Counter);
    add_counter(early, {{"result", "accepted"}},
                static_cast<double>(value(NodeCount::kEarlyDataAccepted)));
    add_counter(early, {{"result", "rejected"}},
                static_cast<double>(value(NodeCount::kEarlyDataRejected)));
    MetricFamily& glitches =
        begin("echostream_quic_glitches_total",
              "Sessions closed because of what the peer did, by what it was.", MetricType::Counter);
    for (std::size_t kind = 0; kind < kMisbehaviours; ++kind) {
      add_counter(glitches, {{"kind", std::string(to_string(static_cast<Misbehaviour>(kind)))}},
                  static_cast<double>(series_.peers_put_out[kind].value()));
    }
  }
  void add_node() {
    for (const NodeCounterName& counter : kNodeCounters) {
      add_counter(begin(counter.name, counter.help, MetricType::Counter), {},
                  static_cast<double>(value(counter.which)));
    }
    add_counter(begin("echostream_loop_stalled_seconds_total",
                      "How long the loop stood still for more than a second.", MetricType::Counter),
                {}, in_seconds(value(NodeCount::kLoopStalled)));
    add_gauge(begin("echostream_server_handlers_running", "Handlers of calls and events.",
                    MetricType::Gauge),
              {}, static_cast<double>(series_.handlers_running.value()));
  }
  void add_clocks() {
    MetricFamily& states =
        begin("echostream_clock_sessions", "Open sessions by what is known of the peer's clock.",
              MetricType::Gauge);
    for (std::size_t state = 0; state < kClockStates; ++state) {
      add_gauge(states, {{"state", kClockStateNames[state]}},
                static_cast<double>(series_.clocks[state].value()));
    }
    add_histogram(begin("echostream_clock_bound_seconds",
                        "Hard bound of each known clock offset, looked at once a second.",
                        MetricType::Histogram),
                  {}, series_.clock_bound);
    add_histogram(begin("echostream_clock_estimated_error_seconds",
                        "Likely error of each known clock offset, looked at once a second.",
                        MetricType::Histogram),
                  {}, series_.clock_error);
    // Of several nodes there is no offset, and the page has no label to tell them apart.
    if (series_.shared_clocks.value() != 1) return;
    add_gauge(begin("echostream_shared_clock_offset_seconds",
                    "The clock that nodes share minus this node's own.", MetricType::Gauge),
              {}, in_seconds(Duration(series_.shared_clock_offset.value())));
    add_gauge(begin("echostream_shared_clock_bound_seconds", "Hard bound of that offset.",
                    MetricType::Gauge),
              {}, in_seconds(Duration(series_.shared_clock_bound.value())));
  }
  void add_build_info() {
    add_gauge(begin("echostream_build_info", "Always 1; the labels say what was built.",
                    MetricType::Gauge),
              {{"version", ECHOSTREAM_VERSION}, {"compiler", __VERSION__}}, 1);
  }

  const NodeSeries& series_;
  std::vector<MetricFamily> families_;
};

}  // namespace

std::vector<MetricFamily> make_families(const NodeSeries& series) { return Page(series).make(); }

}  // namespace echostream::internal
