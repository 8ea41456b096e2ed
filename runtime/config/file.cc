#include "runtime/config/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace echostream::internal {

namespace {

Status failure(const std::string& path, int error) {
  StatusCode code = StatusCode::kUnavailable;
  if (error == ENOENT || error == ENOTDIR) code = StatusCode::kNotFound;
  if (error == EACCES || error == EPERM) code = StatusCode::kPermissionDenied;
  return {code, "cannot read '" + path + "': " + std::generic_category().message(error)};
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<std::string> read_all(const std::string& path, std::size_t most_bytes, bool is_secret) {
  if (path.find('\0') != path.npos) {
    return Status(StatusCode::kInvalidArgument, "a file's name cannot have a NUL character");
  }
  const OpenFile file(path);
  if (file.get() < 0) return failure(path, errno);
  struct stat about {};
  if (fstat(file.get(), &about) != 0) return failure(path, errno);
  if (S_ISDIR(about.st_mode)) {
    return Status(StatusCode::kInvalidArgument, "'" + path + "' is a folder");
  }
  if (is_secret && (about.st_mode & 077) != 0) {
    return Status(StatusCode::kPermissionDenied,
                  "'" + path + "' can be read by others than its owner; chmod 600 it");
  }
  std::string content;
  char buffer[4096];
  for (;;) {
    const ssize_t count = read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(path, errno);
    if (count == 0) return content;
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > most_bytes) {
      return Status(StatusCode::kInvalidArgument, "'" + path + "' is longer than the " +
                                                      std::to_string(most_bytes) +
                                                      " bytes that are read");
    }
  }
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t most_bytes) {
  return read_all(path, most_bytes, false);
}

Result<std::string> read_secret_file(const std::string& path, std::size_t most_bytes) {
  return read_all(path, most_bytes, true);
}

}  // namespace echostream::internal
