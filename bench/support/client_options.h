// The command line of the benchmark clients, and the rows they can be asked for.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bench {

// The rows of docs/performance.md. A program has those that make sense for what it measures.
inline constexpr const char* kUnaryLatency = "unary_latency";
inline constexpr const char* kUnaryThroughput = "unary_throughput";
inline constexpr const char* kEvents = "events";
inline constexpr const char* kMessages = "messages";
inline constexpr const char* kBulk = "bulk";
inline constexpr const char* kHandshake = "handshake";
inline constexpr const char* kHandshakeResumed = "handshake_resumed";
inline constexpr const char* kMemory = "memory";
inline constexpr const char* kMediaBesideBulk = "media_beside_bulk";
inline constexpr const char* kLoss = "loss";
inline constexpr const char* kGrowth = "growth";
inline constexpr std::array kRows = {
    kUnaryLatency,     kUnaryThroughput, kEvents,          kMessages, kBulk,  kHandshake,
    kHandshakeResumed, kMemory,          kMediaBesideBulk, kLoss,     kGrowth};

inline constexpr std::size_t kUnaryBytes = 100;
inline constexpr std::size_t kMessageBytes = 1024;
inline constexpr std::size_t kBulkBytes = 64 * 1024;
/// Calls before the measured ones: caches, congestion window and allocator have settled then.
inline constexpr std::uint64_t kWarmUpCalls = 500;

struct ClientOptions {
  std::string connect;            // "127.0.0.1:4433"
  std::string credential;         // the server's fingerprint, or the file of its certificate
  std::vector<std::string> only;  // empty: every row
  double seconds = 2.0;           // how long a row measures
  std::uint64_t count = 0;        // unless it is this many operations
  std::size_t outstanding = 64;
  std::size_t sessions = 1000;      // of the memory row
  std::size_t most = 10'000;        // sessions and subscribers of the growth row
  unsigned busy_poll_us = 0;        // only EchoStream's
  unsigned max_udp_payload = 1452;  // the same
  unsigned middleware = 0;          // the same
  std::string json;
  unsigned lifetime_seconds = 0;
  std::string plugins;  // only EchoStream's

  bool wants(const std::string& row) const;
};

/// What the program is called, and its name for the option that says whom to trust; none when it
/// trusts nobody.
struct ClientProgram {
  const char* name;
  const char* credential_option;  // "--fingerprint"
  const char* credential_help;    // "HEX, as the server prints it"
  bool is_echostream = false;     // understands its own options, too
};

/// Nothing when the program is to end with `exit_code`: after --help, or after a message about what
/// is wrong.
std::optional<ClientOptions> parse_client_options(int argc, char** argv,
                                                  const ClientProgram& program, int& exit_code);

/// When a row has measured enough: so many operations, or so much time.
class Budget {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Budget(const ClientOptions& options) : Budget(options.count, options.seconds) {}
  /// `count` 0: as many as `seconds` allow.
  Budget(std::uint64_t count, double seconds)
      : left_(count),
        counts_(count > 0),
        start_(Clock::now()),
        end_(start_ +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}

  /// True if one more operation is to be made; takes it off the budget.
  bool take() {
    if (counts_) return left_ > 0 && left_-- > 0;
    return Clock::now() < end_;
  }
  double elapsed_seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  std::uint64_t left_;
  bool counts_;
  Clock::time_point start_;
  Clock::time_point end_;
};

}  // namespace bench
