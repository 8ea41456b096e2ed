// What a message costs when there are many sessions, subscribers or methods.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "echostream/node.h"

#include "bench.echostream.h"
#include "bench/support/client_options.h"
#include "bench/support/report.h"

namespace bench {

/// Dials nodes of its own in the server's process, one for each part; `main` is a session with the
/// server itself.
class Growth {
 public:
  template <class T = void>
  using Task = echostream::Task<T>;
  using Status = echostream::Status;

  Growth(echostream::Loop& loop, echostream::NodeOptions node_options, echostream::Session main,
         const ClientOptions& options, Report& report);
  Task<Status> run();

 private:
  /// A node in the server's process, which `address_` leads to from now on.
  Task<Status> open_node(std::size_t methods);
  /// Dials until there are so many sessions.
  Task<Status> open_sessions(std::size_t count);
  Task<Status> measure_sessions();
  /// One call at a time, some over each session in turn: no session can gather calls into one
  /// packet, however many there are.
  Task<Status> call_in_turn(std::uint64_t calls);

  Task<Status> measure_subscribers();
  Task<Status> subscribe(std::size_t count);
  Task<void> read_ticks(echostream::Reader<v1::Blob> ticks);
  /// Publishes one event after the other until so many ticks have arrived at all subscribers
  /// together.
  Task<Status> publish(std::uint64_t arrivals);

  Task<Status> measure_methods();
  /// With many out at once, each for the next method.
  Task<Status> call_methods(const std::vector<echostream::MethodInfo>& methods,
                            std::uint64_t calls);
  Task<void> keep_calling(const std::vector<echostream::MethodInfo>& methods, std::uint64_t& left,
                          Status& failure);

  /// CPU time of both ends so far.
  Task<echostream::Result<double>> cpu_so_far();
  Task<echostream::Result<double>> server_bytes();
  v1::Bench::Client main_stub() const { return main_.client<v1::Bench>(); }
  /// "sessions_cpu_1000", and its ratio to that of the first point: "sessions_ratio_1000".
  void report_cost(const std::string& what, std::size_t point, double cost);

  echostream::Loop& loop_;
  echostream::Session main_;
  const ClientOptions& options_;
  Report& report_;
  std::string address_;
  std::vector<echostream::Session> sessions_;
  std::uint64_t ticks_ = 0;
  std::uint64_t awaited_ticks_ = 0;
  echostream::WaitPoint ticks_arrived_;
  double first_cost_ = 0;
  echostream::Node node_;
  echostream::TaskGroup readers_;
};

}  // namespace bench
