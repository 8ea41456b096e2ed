// Recorded clock exchanges, and what was concluded from them: the files of `timing clock`.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

#include "tools/echostream/io/csv_reader.h"

namespace echostream::tool {

inline constexpr CsvColumns kExchangeColumns{"t1_us,t2_us,t3_us,t4_us"};
inline constexpr CsvColumns kEstimateColumns{"t_us,offset_us,bound_us,estimated_error_us"};

/// A request and its reply, stamped where they leave and arrive.
struct Exchange {
  LocalTime request_sent{};
  RemoteTime request_received{};
  RemoteTime reply_sent{};
  LocalTime reply_received{};
};

/// Reads exchanges one at a time and gives them in the order in which their replies came, which is
/// that of the file or, where it is in the order of the requests, nearly so. Holds what may be
/// overtaken still.
class ExchangeReader {
 public:
  ExchangeReader(std::istream& in, const std::string& file);
  /// None at the end. That the file holds no exchange at all is an error.
  Result<std::optional<Exchange>> next();

 private:
  struct Row {
    Exchange exchange;
    std::uint64_t line = 0;
  };
  static bool is_after(const Row& a, const Row& b);
  Result<bool> read_row();
  Status check_order(const Row& row) const;

  CsvReader reader_;
  // A heap whose first reply came first.
  std::vector<Row> held_;
  bool is_at_end_ = false;
  // Of the rows read. In a file of either order no reply that came before it follows.
  LocalTime last_request_ = LocalTime::min();
  // What was given last.
  std::optional<LocalTime> last_reply_;
};

/// The remote clock minus the local one, at `at`.
struct OffsetEstimate {
  LocalTime at{};
  Duration offset{};
  Duration bound{};
  Duration estimated_error{};
};

void write_estimate(std::ostream& out, const OffsetEstimate& estimate);
Result<std::vector<OffsetEstimate>> read_estimates(std::istream& in, const std::string& file);
Result<std::vector<Exchange>> read_exchanges(std::istream& in, const std::string& file);

}  // namespace echostream::tool
