#include "tools/echostream/timing/clock_replay.h"

#include <optional>
#include <sstream>
#include <string_view>

#include "runtime/timing/peer_clock.h"
#include "tools/echostream/io/microseconds.h"

namespace echostream::tool {

namespace {

constexpr Duration kRowInterval = std::chrono::milliseconds(100);

std::string_view name_of(ClockState state) {
  switch (state) {
    case ClockState::kAcquiring:
      return "acquiring";
    case ClockState::kTracking:
      return "tracking";
    case ClockState::kHoldover:
      return "holdover";
    case ClockState::kPathChanged:
      return "path changed";
    case ClockState::kUnreliable:
      return "unreliable";
  }
  return "";
}

class ClockReplay {
 public:
  explicit ClockReplay(std::ostream& out) : out_(out) { out_ << kEstimateColumns.header << '\n'; }

  void add(const Exchange& exchange) {
    const LocalTime now = exchange.reply_received;
    if (summary_.exchanges == 0) next_row_ = now;
    write_rows_before(now);
    clock_.add_forward(exchange.request_sent, exchange.request_received);
    clock_.add_backward(exchange.reply_sent, now);
    ++summary_.exchanges;
    last_exchange_ = now;
  }

  // With the row that is the first to know of the last exchange.
  ClockSummary finish() {
    write_rows_before(last_exchange_);
    write_row();
    return summary_;
  }

 private:
  void write_rows_before(LocalTime end) {
    while (next_row_ < end) write_row();
  }

  void write_row() {
    const ClockEstimate estimate = clock_.estimate(next_row_);
    write_estimate(out_, {next_row_, estimate.offset, estimate.bound, estimate.estimated_error});
    summary_.last = estimate;
    ++summary_.rows_in_state[static_cast<std::size_t>(estimate.state)];
    ++summary_.rows;
    next_row_ += kRowInterval;
  }

  std::ostream& out_;
  timing::PeerClock clock_;
  LocalTime next_row_{};
  LocalTime last_exchange_{};
  ClockSummary summary_;
};

}  // namespace

Result<ClockSummary> replay_clock(ExchangeReader& exchanges, std::ostream& out) {
  ClockReplay replay(out);
  for (;;) {
    const auto exchange = exchanges.next();
    if (!exchange) return exchange.error();
    if (!*exchange) return replay.finish();
    replay.add(**exchange);
  }
}

std::string to_text(const ClockSummary& summary) {
  std::ostringstream out;
  out << summary.exchanges << " exchanges, " << summary.rows << " estimates\n"
      << "at the end: offset " << to_microseconds(summary.last.offset) << " us, bound "
      << to_microseconds(summary.last.bound) << " us, estimated error "
      << to_microseconds(summary.last.estimated_error) << " us, skew "
      << fixed(summary.last.skew_ppm, 3) << " ppm, least round trip "
      << to_microseconds(summary.last.least_rtt) << " us\n"
      << "state:";
  const char* separator = " ";
  for (std::size_t i = 0; i < std::size(summary.rows_in_state); ++i) {
    if (summary.rows_in_state[i] == 0) continue;
    const double seconds =
        static_cast<double>(summary.rows_in_state[i]) * to_milliseconds(kRowInterval) / 1000;
    out << separator << name_of(static_cast<ClockState>(i)) << ' ' << fixed(seconds, 1) << " s";
    separator = ", ";
  }
  out << '\n';
  return out.str();
}

}  // namespace echostream::tool
