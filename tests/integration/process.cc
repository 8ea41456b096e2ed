#include "tests/integration/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

extern char** environ;

namespace echostream::testing {

using Clock = std::chrono::steady_clock;

Process::Process(const std::vector<std::string>& command) {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    ADD_FAILURE() << "no pipe: errno " << errno;
    return;
  }
  output_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int failed = posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed != 0) {
    pid_ = -1;
    ADD_FAILURE() << "cannot start " << command[0] << ": errno " << failed;
  }
}

Process::~Process() {
  if (pid_ > 0 && !exit_) {
    kill(pid_, SIGKILL);
    (void)waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) close(output_);
}

// Reads what there is, waiting for it; false at the end or when the time is up.
bool Process::fill(Clock::time_point deadline) {
  while (!ended_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{output_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
    std::array<char, 4096> bytes;
    const ssize_t got = read(output_, bytes.data(), bytes.size());
    if (got > 0) {
      buffer_.append(bytes.data(), static_cast<std::size_t>(got));
      return true;
    }
    if (got == 0 || errno != EINTR) ended_ = true;
  }
  return false;
}

std::optional<std::string> Process::read_line(Timeout timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    if (end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (!fill(deadline)) return std::nullopt;
  }
}

std::string Process::read_all(Timeout timeout) {
  const auto deadline = Clock::now() + timeout;
  while (fill(deadline)) {
  }
  return std::exchange(buffer_, {});
}

void Process::send_signal(int signal) const {
  if (pid_ > 0 && !exit_) kill(pid_, signal);
}

std::optional<int> Process::wait(Timeout timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!exit_ && pid_ > 0) {
    int state = 0;
    if (waitpid(pid_, &state, WNOHANG) == pid_) {
      exit_ = WIFEXITED(state) ? WEXITSTATUS(state) : -WTERMSIG(state);
    } else if (Clock::now() >= deadline) {
      return std::nullopt;
    } else {
      // waitpid() has no timeout.
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  return exit_;
}

}  // namespace echostream::testing
