#include "tools/echostream/timing/exchanges.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "tools/echostream/io/microseconds.h"

namespace echostream::tool {

namespace {

// There is a row of estimates for every 100 ms: stamps that are years apart would fill the disk.
constexpr Duration kLongestSilence = std::chrono::hours(24);

}  // namespace

ExchangeReader::ExchangeReader(std::istream& in, const std::string& file)
    : reader_(in, file, kExchangeColumns) {}

bool ExchangeReader::is_after(const Row& a, const Row& b) {
  return std::tie(a.exchange.reply_received, a.line) > std::tie(b.exchange.reply_received, b.line);
}

Result<std::optional<Exchange>> ExchangeReader::next() {
  while (!is_at_end_ && (held_.empty() || held_.front().exchange.reply_received > last_request_)) {
    const auto has_row = read_row();
    if (!has_row) return has_row.error();
    is_at_end_ = !*has_row;
  }
  if (held_.empty()) {
    if (last_reply_) return std::optional<Exchange>();
    return reader_.problem_at(reader_.line() + 1,
                              "there are no rows; expected one for each exchange");
  }
  std::pop_heap(held_.begin(), held_.end(), is_after);
  const Row row = held_.back();
  held_.pop_back();
  if (last_reply_ && row.exchange.reply_received - *last_reply_ > kLongestSilence) {
    return reader_.problem_at(row.line,
                              "t4_us is more than a day after the one before it; expected "
                              "exchanges of one session");
  }
  last_reply_ = row.exchange.reply_received;
  return std::optional<Exchange>(row.exchange);
}

Result<bool> ExchangeReader::read_row() {
  auto has_row = reader_.next();
  if (!has_row || !*has_row) return has_row;
  std::array<Duration, 4> stamps{};
  for (std::size_t i = 0; i < stamps.size(); ++i) {
    const auto stamp = reader_.stamp(i);
    if (!stamp) return stamp.error();
    stamps[i] = *stamp;
  }
  const Row row{
      {LocalTime(stamps[0]), RemoteTime(stamps[1]), RemoteTime(stamps[2]), LocalTime(stamps[3])},
      reader_.line()};
  Status status = check_order(row);
  if (!status.is_ok()) return status;
  last_request_ = std::max(last_request_, row.exchange.request_sent);
  held_.push_back(row);
  std::push_heap(held_.begin(), held_.end(), is_after);
  return true;
}

// What the local clock says of itself has to fit together. Of the peer's stamps everything is
// taken: to cope with them is what the clock is for.
Status ExchangeReader::check_order(const Row& row) const {
  if (row.exchange.reply_received < row.exchange.request_sent) {
    return reader_.problem("t4_us is before t1_us; both are of clock A, and a reply comes later");
  }
  if (last_reply_ && row.exchange.reply_received < *last_reply_) {
    return reader_.problem(
        "t4_us is before that of a row further up; expected rows in the order of t4_us or of "
        "t1_us");
  }
  return Status::ok();
}

void write_estimate(std::ostream& out, const OffsetEstimate& estimate) {
  out << to_microseconds(estimate.at.time_since_epoch()) << ',' << to_microseconds(estimate.offset)
      << ',' << to_microseconds(estimate.bound) << ',' << to_microseconds(estimate.estimated_error)
      << '\n';
}

Result<std::vector<OffsetEstimate>> read_estimates(std::istream& in, const std::string& file) {
  CsvReader reader(in, file, kEstimateColumns);
  std::vector<OffsetEstimate> estimates;
  for (;;) {
    const auto has_row = reader.next();
    if (!has_row) return has_row.error();
    if (!*has_row) break;
    const auto at = reader.stamp(0);
    if (!at) return at.error();
    std::array<Duration, 3> values{};
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = reader.microseconds(i + 1);
      if (!value) return value.error();
      values[i] = *value;
    }
    estimates.push_back({LocalTime(*at), values[0], values[1], values[2]});
  }
  if (!estimates.empty()) return estimates;
  return reader.problem_at(reader.line() + 1, "there are no rows; expected estimates");
}

Result<std::vector<Exchange>> read_exchanges(std::istream& in, const std::string& file) {
  ExchangeReader reader(in, file);
  std::vector<Exchange> exchanges;
  for (;;) {
    const auto exchange = reader.next();
    if (!exchange) return exchange.error();
    if (!*exchange) return exchanges;
    exchanges.push_back(**exchange);
  }
}

}  // namespace echostream::tool
