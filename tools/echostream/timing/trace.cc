#include "tools/echostream/timing/trace.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "tools/echostream/io/microseconds.h"

namespace echostream::tool {

namespace {

struct Packet {
  std::uint64_t number = 0;
  Duration sent{};
  Duration arrived{};
  std::uint64_t line = 0;
};
// An arrival that no stamp can have.
constexpr Duration kLost = Duration::max();

Result<std::vector<Packet>> read_packets(CsvReader& reader) {
  std::vector<Packet> packets;
  for (;;) {
    const auto has_row = reader.next();
    if (!has_row) return has_row.error();
    if (!*has_row) break;
    const auto number = reader.whole_number(0);
    if (!number) return number.error();
    const auto sent = reader.stamp(1);
    if (!sent) return sent.error();
    auto arrived = reader.field(2).empty() ? Result<Duration>(kLost) : reader.stamp(2);
    if (!arrived) return arrived.error();
    packets.push_back({*number, *sent, *arrived, reader.line()});
  }
  if (packets.empty()) {
    return reader.problem_at(reader.line() + 1, "there are no rows; expected one for each packet");
  }
  return packets;
}

// One number stands for one packet, which was sent once.
Status check_numbers(const CsvReader& reader, std::vector<Packet> packets) {
  std::stable_sort(packets.begin(), packets.end(),
                   [](const Packet& a, const Packet& b) { return a.number < b.number; });
  for (std::size_t i = 1; i < packets.size(); ++i) {
    const Packet& first = packets[i - 1];
    const Packet& copy = packets[i];
    if (copy.number != first.number || copy.sent == first.sent) continue;
    return reader.problem_at(
        copy.line, "seq " + std::to_string(copy.number) + " was sent at another time in line " +
                       std::to_string(first.line) + "; copies of a packet have its send_us");
  }
  return Status::ok();
}

// The buffer reckons in times since the first arrival, and not with more than that.
constexpr Duration kLongestStream = std::chrono::hours(24 * 365 * 100);

Status check_arrivals(const CsvReader& reader, const std::vector<Packet>& packets) {
  const Packet* first = nullptr;
  const Packet* last = nullptr;
  for (const Packet& packet : packets) {
    if (packet.arrived == kLost) continue;
    if (first == nullptr || packet.arrived < first->arrived) first = &packet;
    if (last == nullptr || packet.arrived > last->arrived) last = &packet;
  }
  if (first == nullptr || last->arrived - first->arrived <= kLongestStream) return Status::ok();
  return reader.problem_at(
      last->line, "arrival_us is more than a hundred years after that of line " +
                      std::to_string(first->line) + "; expected the arrivals of one stream");
}

// Appends the frame that packets [begin, end) are, and its arrivals.
void add_frame(Trace& trace, const Packet* begin, const Packet* end) {
  TraceFrame frame{begin->sent, begin->arrived, begin->number};
  const std::size_t index = trace.frames.size();
  // Sorted by arrival within a number: the first copy comes first.
  std::uint64_t packets = 0;
  for (const Packet* packet = begin; packet != end; ++packet) {
    if (packet != begin && packet->number == (packet - 1)->number) continue;
    ++packets;
    frame.arrived = std::max(*frame.arrived, packet->arrived);
  }
  if (*frame.arrived == kLost) frame.arrived.reset();
  trace.frames.push_back(frame);
  if (!frame.arrived) return;
  if (!trace.origin) trace.origin = index;
  trace.arrivals.push_back({*frame.arrived, index});
  // Copies of one packet of many are dropped where the packets are put together.
  if (packets > 1) return;
  for (const Packet* copy = begin + 1; copy < end && copy->arrived != kLost; ++copy) {
    trace.arrivals.push_back({copy->arrived, index});
  }
}

}  // namespace

Result<Trace> read_trace(std::istream& in, const std::string& file) {
  CsvReader reader(in, file, kTraceColumns);
  auto packets = read_packets(reader);
  if (!packets) return packets.error();
  Status status = check_numbers(reader, *packets);
  if (status.is_ok()) status = check_arrivals(reader, *packets);
  if (!status.is_ok()) return status;

  std::stable_sort(packets->begin(), packets->end(), [](const Packet& a, const Packet& b) {
    return std::tie(a.sent, a.number, a.arrived) < std::tie(b.sent, b.number, b.arrived);
  });
  Trace trace;
  const Packet* end = packets->data() + packets->size();
  for (const Packet* begin = packets->data(); begin != end;) {
    const Packet* next = begin;
    while (next != end && next->sent == begin->sent) ++next;
    add_frame(trace, begin, next);
    begin = next;
  }
  std::stable_sort(trace.arrivals.begin(), trace.arrivals.end(),
                   [](const TraceArrival& a, const TraceArrival& b) { return a.at < b.at; });
  return trace;
}

Duration Trace::frame_interval() const {
  if (frames.size() < 2) return Duration::zero();
  std::vector<Duration> intervals;
  for (std::size_t i = 1; i < frames.size(); ++i) {
    intervals.push_back(frames[i].sent - frames[i - 1].sent);
  }
  const auto middle = intervals.begin() + static_cast<std::ptrdiff_t>(intervals.size() / 2);
  std::nth_element(intervals.begin(), middle, intervals.end());
  return *middle;
}

double Trace::delay_ms(std::size_t frame, Duration time) const {
  if (!origin) return 0;
  // The origin is taken off first: the two clocks may be years apart, which a double would round.
  const TraceFrame& first = frames[*origin];
  return to_milliseconds(time - *first.arrived) - to_milliseconds(frames[frame].sent - first.sent);
}

std::vector<double> Trace::least_delays_ms() const {
  struct Point {
    double sent_ms;
    double delay_ms;
  };
  // Andrew's monotone chain: the frames are sorted by their capture already.
  std::vector<Point> hull;
  const auto sent_ms = [this](std::size_t i) {
    return to_milliseconds(frames[i].sent - frames.front().sent);
  };
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (!frames[i].arrived) continue;
    const Point point{sent_ms(i), delay_ms(i, *frames[i].arrived)};
    while (hull.size() >= 2) {
      const Point& a = hull[hull.size() - 2];
      const Point& b = hull.back();
      if ((b.sent_ms - a.sent_ms) * (point.delay_ms - a.delay_ms) -
              (b.delay_ms - a.delay_ms) * (point.sent_ms - a.sent_ms) >
          0) {
        break;
      }
      hull.pop_back();
    }
    hull.push_back(point);
  }
  std::vector<double> least;
  if (hull.empty()) return least;
  std::size_t edge = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const double at = sent_ms(i);
    while (edge + 1 < hull.size() && hull[edge + 1].sent_ms <= at) ++edge;
    const Point& a = hull[edge];
    if (edge + 1 == hull.size() || at <= a.sent_ms) {
      least.push_back(a.delay_ms);
      continue;
    }
    const Point& b = hull[edge + 1];
    least.push_back(a.delay_ms +
                    (b.delay_ms - a.delay_ms) * (at - a.sent_ms) / (b.sent_ms - a.sent_ms));
  }
  return least;
}

}  // namespace echostream::tool
