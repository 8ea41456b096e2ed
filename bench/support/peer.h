// What EchoStream is compared with: a system with a client on one connection. All of them run the
// same rows, made of these few operations and measured by the same code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/support/client_options.h"

namespace bench {

/// What went wrong, in words; empty when nothing did.
using Failure = std::string;

/// Of the server's process.
struct ServerUsage {
  double cpu_seconds = 0;
  double resident_bytes = 0;
};

class Peer {
 public:
  virtual ~Peer() = default;
  /// False for a row that makes no sense for the system, which then leaves it out.
  virtual bool has(const std::string& row) const = 0;
  /// Sends kUnaryBytes and waits until they are back.
  virtual Failure echo() = 0;
  /// The same with so many calls out at once, until the budget is used up; counts the replies.
  virtual Failure echo_many(std::size_t outstanding, Budget& budget, std::uint64_t& done) = 0;
  /// Sends messages of that size one way until the budget is used up, and returns when the server
  /// has counted them all.
  virtual Failure upload(std::size_t bytes, Budget& budget, std::uint64_t& sent) = 0;
  virtual Failure usage(ServerUsage& usage) = 0;
  /// Rows handshake and memory: opens one more connection and makes one call on it; keeps it open
  /// if `hold` says so.
  virtual Failure echo_on_new_connection(bool) { return "has no connections"; }
  /// Row loss: sends media frames (bench/support/media.h) in order, one each kFrameInterval, until
  /// the budget is used up; gives back how old each was when the server had it.
  virtual Failure send_media(Budget&, std::vector<double>&) { return "sends no media"; }
};

/// A connected peer; nothing, and what went wrong, when the server cannot be reached.
using MakePeer = std::function<std::unique_ptr<Peer>(const ClientOptions& options, Failure& why)>;

/// The main function of a peer's client: measures the rows that the command line asks for, prints
/// and writes them. `system` is its name in the report.
int run_peer(int argc, char** argv, const ClientProgram& program, const char* system,
             const MakePeer& make);

}  // namespace bench
