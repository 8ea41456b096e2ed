#include "runtime/core/frame/clock_report.h"

#include <algorithm>
#include <cmath>

#include "runtime/core/frame/byte_reader.h"

namespace echostream::core {
namespace {

// 2^61 - 1: what is left of a varint after its sign. Seventy years, as nanoseconds.
constexpr std::int64_t kMostSigned = (std::int64_t{1} << 61) - 1;
// Skews travel as parts per 10^12.
constexpr double kSkewUnitPpm = 1e-6;
constexpr double kMostSkewPpm = 1e6;

// Signed numbers by their distance from zero: 0, -1, 1, -2, 2 ... (as protobuf's sint64).
void write_signed(ByteWriter& out, std::int64_t value) {
  value = std::clamp(value, -kMostSigned, kMostSigned);
  const auto magnitude = static_cast<std::uint64_t>(value < 0 ? -(value + 1) : value);
  out.write_varint(magnitude << 1 | (value < 0 ? 1 : 0));
}

std::int64_t read_signed(ByteReader& reader) {
  const std::uint64_t value = reader.read_varint();
  const auto magnitude = static_cast<std::int64_t>(value >> 1);
  return (value & 1) != 0 ? -magnitude - 1 : magnitude;
}

void write_positive(ByteWriter& out, Duration time) {
  out.write_varint(
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(time.count(), 0, kMostSigned)));
}

Duration read_positive(ByteReader& reader) {
  return Duration(std::min(static_cast<std::int64_t>(reader.read_varint()), kMostSigned));
}

void write_skew(ByteWriter& out, double ppm) {
  const double clamped = std::isfinite(ppm) ? std::clamp(ppm, -kMostSkewPpm, kMostSkewPpm) : 0;
  write_signed(out, std::llround(clamped / kSkewUnitPpm));
}

double read_skew(ByteReader& reader) {
  return std::clamp(static_cast<double>(read_signed(reader)) * kSkewUnitPpm, -kMostSkewPpm,
                    kMostSkewPpm);
}

template <class Estimate>
void write_estimate(ByteWriter& out, const Estimate& from) {
  write_signed(out, from.offset.count());
  write_skew(out, from.skew_ppm);
  write_positive(out, from.bound);
  write_positive(out, from.estimated_error);
}

template <class Estimate>
void read_estimate(ByteReader& reader, Estimate& to) {
  to.offset = Duration(read_signed(reader));
  to.skew_ppm = read_skew(reader);
  to.bound = read_positive(reader);
  to.estimated_error = read_positive(reader);
}

}  // namespace

void write_clock_report(ByteWriter& out, const timing::NodeClockReport& report) {
  out.write_varint(report.node & kMaxVarint);
  write_positive(out, report.sent.time_since_epoch());
  out.write_varint(report.reference & kMaxVarint);
  out.write_varint(report.timescale & kMaxVarint);
  out.write_varint(report.beat & kMaxVarint);
  out.write_varint(report.hops);
  out.write_varint(report.via & kMaxVarint);
  out.write_varint(report.is_shared ? 1 : 0);
  write_estimate(out, report);
  const std::size_t edges = std::min(report.edges.size(), kMaxReportedEdges);
  out.write_varint(edges);
  for (std::size_t i = 0; i < edges; ++i) {
    out.write_varint(report.edges[i].peer & kMaxVarint);
    write_estimate(out, report.edges[i]);
  }
}

Result<timing::NodeClockReport> parse_clock_report(BytesView payload) {
  ByteReader reader(payload);
  timing::NodeClockReport report;
  report.node = reader.read_varint();
  report.sent = RemoteTime(read_positive(reader));
  report.reference = reader.read_varint();
  report.timescale = reader.read_varint();
  report.beat = reader.read_varint();
  report.hops = static_cast<std::uint32_t>(std::min<std::uint64_t>(reader.read_varint(), ~0u));
  report.via = reader.read_varint();
  report.is_shared = reader.read_varint() == 1;
  read_estimate(reader, report);
  const std::uint64_t edges = reader.read_varint();
  for (std::uint64_t i = 0; reader.ok() && i < std::min<std::uint64_t>(edges, kMaxReportedEdges);
       ++i) {
    timing::ReportedEdge edge;
    edge.peer = reader.read_varint();
    read_estimate(reader, edge);
    if (reader.ok()) report.edges.push_back(edge);
  }
  if (!reader.ok()) {
    return Status(StatusCode::kInternal, "malformed CLOCK_REPORT frame from the peer");
  }
  return report;
}

}  // namespace echostream::core
