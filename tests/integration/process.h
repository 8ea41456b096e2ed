// A child process whose output is read line by line. Everything is bounded in time, and the process
// never outlives this object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace echostream::testing {

class Process {
 public:
  using Timeout = std::chrono::milliseconds;

  /// Starts `command`: the program's path, then its arguments. Fails the test when it cannot.
  explicit Process(const std::vector<std::string>& command);
  /// Kills it when it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// The next line of its standard output; nothing at the end or when the time is up.
  std::optional<std::string> read_line(Timeout timeout);
  /// What is left of its output, until it ends or the time is up.
  std::string read_all(Timeout timeout);
  void send_signal(int signal) const;
  /// The exit code, or minus the signal that ended it; nothing when it still runs after that time.
  std::optional<int> wait(Timeout timeout);
  pid_t pid() const { return pid_; }

 private:
  bool fill(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  int output_ = -1;
  std::string buffer_;
  bool ended_ = false;
  std::optional<int> exit_;
};

}  // namespace echostream::testing
