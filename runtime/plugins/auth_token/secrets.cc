// Secrets from files and from the environment.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "echostream/plugins/auth_token.h"

#include "runtime/plugins/auth_token/crypto.h"

namespace echostream {
namespace {

constexpr std::size_t kMaxSecretBytes = 4096;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status cannot_read(const std::string& path, int error) {
  StatusCode code = StatusCode::kUnavailable;
  if (error == ENOENT || error == ENOTDIR) code = StatusCode::kNotFound;
  if (error == EACCES || error == EPERM) code = StatusCode::kPermissionDenied;
  return {code, "cannot read the secret '" + path + "': " + std::generic_category().message(error)};
}

Status check_owner(const std::string& path, const struct stat& info) {
  if ((info.st_mode & 077) != 0) {
    return {StatusCode::kPermissionDenied,
            "others than its owner may use the secret '" + path + "'; chmod 600 it"};
  }
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return {StatusCode::kPermissionDenied,
            "the secret '" + path + "' belongs to another user; chown it to that of this process"};
  }
  return {};
}

}  // namespace

Result<std::string> read_secret_file(const std::string& path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return cannot_read(path, errno);
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return cannot_read(path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Status(StatusCode::kInvalidArgument, "'" + path + "' is not a regular file");
  }
  Status owner = check_owner(path, info);
  if (!owner.is_ok()) return owner;
  // Two bytes more than allowed: room for a newline, and to notice that there is too much.
  std::string text(kMaxSecretBytes + 2, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t count = read(file.get(), text.data() + used, text.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(path, errno);
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
  }
  text.resize(used);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty() || text.size() > kMaxSecretBytes) {
    auth_token::wipe(text);
    return Status(StatusCode::kInvalidArgument,
                  "the secret '" + path + "' must have 1 to 4096 bytes");
  }
  return text;
}

Result<std::string> read_secret_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') {
    return Status(StatusCode::kNotFound,
                  "the environment variable '" + name + "' is not set, or empty");
  }
  return std::string(value);
}

}  // namespace echostream
