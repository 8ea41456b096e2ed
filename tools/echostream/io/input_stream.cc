#include "tools/echostream/io/input_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "echostream/base/wait.h"

namespace echostream::tool {

namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

}  // namespace

Result<InputStream> InputStream::open(const std::string& path) {
  if (path == "-") return InputStream(STDIN_FILENO, "standard input");
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file >= 0) return InputStream(file, path);
  return Status(errno == ENOENT ? StatusCode::kNotFound : StatusCode::kUnavailable,
                path + ": " + std::strerror(errno));
}

InputStream::InputStream(InputStream&& other) noexcept
    : file_(std::exchange(other.file_, -1)), name_(std::move(other.name_)) {}

InputStream::~InputStream() {
  if (file_ > STDIN_FILENO) ::close(file_);
}

Task<Result<std::string>> InputStream::read(Loop& loop) {
  bool is_readable = false;
  WaitPoint readable;
  // Refused for regular files, which are always readable.
  auto watch = loop.watch_fd(file_, true, false, [&] {
    is_readable = true;
    readable.notify_all();
  });
  while (watch && !is_readable) {
    const WaitResult waited = co_await readable.wait();
    if (waited == WaitResult::kCancelled) {
      co_return Status(StatusCode::kCancelled, "stopped while reading " + name_);
    }
  }
  std::string piece(kPieceBytes, '\0');
  const ssize_t count = ::read(file_, piece.data(), piece.size());
  if (count < 0) {
    co_return Status(StatusCode::kUnavailable, name_ + ": " + std::strerror(errno));
  }
  piece.resize(static_cast<std::size_t>(count));
  co_return std::move(piece);
}

}  // namespace echostream::tool
