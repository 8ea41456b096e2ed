// The benchmark's rows, measured with EchoStream on one session.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "echostream/node.h"

#include "bench.echostream.h"
#include "bench/support/client_options.h"
#include "bench/support/report.h"

namespace bench {

/// Lives on the node's loop; must outlive the task of run().
class Client {
 public:
  Client(echostream::Node& node, const ClientOptions& options, Report& report)
      : node_(node), options_(options), report_(report) {}

  /// Measures the rows that the options ask for; stops at the first call that fails.
  echostream::Task<echostream::Status> run();

 private:
  using Stub = v1::Bench::Client;
  using Status = echostream::Status;
  template <class T = void>
  using Task = echostream::Task<T>;

  Task<Status> unary_latency();
  Task<Status> unary_throughput();
  Task<Status> events();
  Task<Status> messages();
  Task<Status> bulk();
  Task<Status> handshake();
  Task<Status> handshake_resumed();
  Task<Status> memory();
  // media_rows.cc
  Task<Status> media_beside_bulk();
  Task<Status> loss();
  // growth.cc
  Task<Status> growth();

  Stub stub() const { return session_->client<v1::Bench>(); }
  Task<Status> warm_up();
  /// One of the calls that are out at once: the next one starts when the reply is there.
  Task<void> keep_calling(Budget& budget, std::uint64_t& done, Status& failure);
  Task<Status> send_notes(Budget& budget, std::uint64_t& sent);
  Task<Status> upload(const char* row, std::size_t bytes);
  using MediaStream = echostream::ClientStream<v1::Blob, v1::Ages>;
  Task<echostream::Result<std::vector<double>>> send_media(MediaStream stream, std::uint64_t& sent);
  Task<void> keep_uploading(const bool& stop, std::uint64_t& bytes, Status& failure);
  /// Dials until `held` has that many sessions, and asks the server for its memory once they are
  /// idle.
  Task<echostream::Result<double>> hold_sessions(std::size_t count,
                                                 std::vector<echostream::Session>& held);
  /// What both ends have used of the CPU so far.
  Task<echostream::Result<CpuTimes>> cpu_times();
  Task<Status> report_cpu(const char* row, CpuTimes before, std::uint64_t operations);

  echostream::Node& node_;
  const ClientOptions& options_;
  Report& report_;
  std::optional<echostream::Session> session_;
};

}  // namespace bench
