#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "runtime/plugins/tracing/span_sink.h"

namespace echostream::internal {
namespace {

class FileSink final : public SpanSink {
 public:
  FileSink(int fd, std::uint64_t max_bytes) noexcept : fd_(fd), max_bytes_(max_bytes) {}
  ~FileSink() override { ::close(fd_); }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  Outcome send(const std::string& request, const std::atomic<bool>&) override {
    // Others may write to the same file, so its size is asked for each time.
    struct stat file {};
    if (::fstat(fd_, &file) != 0) return Outcome::kTryAgain;
    if (static_cast<std::uint64_t>(file.st_size) + request.size() + 1 > max_bytes_) {
      return Outcome::kGiveUp;
    }
    std::string line = request + '\n';
    // One write, so that lines of several nodes do not mix.
    const ssize_t written = ::write(fd_, line.data(), line.size());
    if (written == static_cast<ssize_t>(line.size())) return Outcome::kDone;
    // Half a line, for example on a full disk: it must not spoil the next one.
    if (written > 0) (void)!::ftruncate(fd_, file.st_size);
    return Outcome::kTryAgain;
  }

 private:
  const int fd_;
  const std::uint64_t max_bytes_;
};

}  // namespace

Result<std::unique_ptr<SpanSink>> make_file_sink(const std::string& path, std::uint64_t max_bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Status(StatusCode::kUnavailable,
                  "cannot write spans to " + path + ": " + std::strerror(errno));
  }
  return std::unique_ptr<SpanSink>(std::make_unique<FileSink>(fd, max_bytes));
}

}  // namespace echostream::internal
