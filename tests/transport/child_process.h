// A program that runs beside the test, with its output in a file. Ended with the object.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace echostream::testing {

class ChildProcess {
 public:
  /// The first argument is the program's path. Aborts when it cannot be started.
  ChildProcess(const std::vector<std::string>& arguments, const std::string& output_path);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  bool is_running();
  std::string output() const;

  /// Where a program is, on PATH or where systems keep their servers; empty when nowhere.
  static std::string find_program(const std::string& name);

 private:
  pid_t pid_ = -1;
  std::string output_path_;
};

}  // namespace echostream::testing
