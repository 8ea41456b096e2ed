// Any file given to `echostream timing`: refused with its line, or understood; and whatever stamps
// it holds, the runtime's jitter buffer and clock do what they promise. Input: one byte that
// chooses the table, then its text, of which the header is given.
#include <sstream>
#include <string>

#include "tests/fuzz/fuzz_check.h"
#include "tools/echostream/plot/svg.h"
#include "tools/echostream/timing/clock_figure.h"
#include "tools/echostream/timing/clock_replay.h"
#include "tools/echostream/timing/delay_figure.h"
#include "tools/echostream/timing/replay.h"

using namespace echostream;
using namespace echostream::tool;

namespace {

void check_refusal(const Status& status) {
  FUZZ_CHECK(status.code() == StatusCode::kInvalidArgument);
  const std::string_view message = status.message();
  FUZZ_CHECK(message.starts_with("file:"));
  FUZZ_CHECK(message.size() < 2 * CsvReader::kLongestLine);
  for (const char c : message) FUZZ_CHECK(c >= ' ' && c <= '~');
}

void draw(Figure figure) {
  thin(figure, 100, 100);
  std::ostringstream out;
  write_svg(out, figure);
  FUZZ_CHECK(out.str().size() < 1'000'000);
}

void try_trace(const std::string& text, unsigned choice) {
  std::istringstream in(text);
  const auto trace = read_trace(in, "file");
  if (!trace) return check_refusal(trace.error());
  FUZZ_CHECK(!trace->frames.empty());
  JitterBufferOptions options;
  options.profile = static_cast<PlayoutProfile>(choice % 3);
  options.late_policy = static_cast<LatePolicy>(choice / 3 % 3);
  // It fails when a frame is forgotten, comes twice or comes too early.
  const auto played = replay(*trace, options);
  FUZZ_CHECK(played);

  std::ostringstream out;
  write_decisions(out, *trace, played->decisions);
  std::istringstream written(out.str());
  const auto again = read_decisions(written, "file", *trace);
  FUZZ_CHECK(again && again->size() == played->decisions.size());
  draw(make_delay_figure(*trace, played->decisions, ""));
}

void try_exchanges(const std::string& text) {
  std::istringstream in(text);
  const auto exchanges = read_exchanges(in, "file");
  if (!exchanges) return check_refusal(exchanges.error());
  // A row for every 100 ms: more of them prove nothing new, and take long.
  constexpr Duration kLongest = std::chrono::minutes(10);
  if (exchanges->back().reply_received - exchanges->front().reply_received > kLongest) return;
  std::istringstream once_more(text);
  ExchangeReader reader(once_more, "file");
  std::ostringstream out;
  out.precision(17);
  const auto summary = replay_clock(reader, out);
  FUZZ_CHECK(summary && summary->exchanges == exchanges->size());
  std::istringstream written(out.str());
  const auto estimates = read_estimates(written, "file");
  FUZZ_CHECK(estimates && estimates->size() == summary->rows);
  draw(make_clock_figure(*estimates, *exchanges, ""));
}

void try_estimates(const std::string& text) {
  std::istringstream in(text);
  const auto estimates = read_estimates(in, "file");
  if (!estimates) return check_refusal(estimates.error());
  draw(make_clock_figure(*estimates, {}, ""));
}

// Of the trace that the text's rows are about, which is always the same.
void try_decisions(const std::string& text) {
  std::istringstream in("seq,send_us,arrival_us\n0,0,30000\n1,20000,\n2,40000,70000\n");
  const auto trace = read_trace(in, "trace");
  FUZZ_CHECK(trace);
  std::istringstream decisions_in(text);
  const auto decisions = read_decisions(decisions_in, "file", *trace);
  if (!decisions) return check_refusal(decisions.error());
  draw(make_delay_figure(*trace, *decisions, ""));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rows(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto with_header = [&rows](const CsvColumns& columns) {
    return std::string(columns.header) + "\n" + rows;
  };
  constexpr unsigned kTables = 5;
  switch (data[0] % kTables) {
    case 0:
      try_trace(with_header(kTraceColumns), data[0] / kTables);
      break;
    case 1:
      try_exchanges(with_header(kExchangeColumns));
      break;
    case 2:
      try_estimates(with_header(kEstimateColumns));
      break;
    case 3:
      try_decisions(with_header(kDecisionColumns));
      break;
    default:
      try_trace(rows, 0);
  }
  return 0;
}
