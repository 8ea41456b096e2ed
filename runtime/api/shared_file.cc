#include "runtime/api/shared_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace echostream::internal {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024 * 1024;

SharedFile::Version version_of(const struct stat& about) {
  return {static_cast<std::int64_t>(about.st_dev), static_cast<std::int64_t>(about.st_ino),
          about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec,
          // A change of mode as well, and one that turned the time back.
          about.st_ctim.tv_sec, about.st_ctim.tv_nsec};
}

}  // namespace

std::string system_error() { return std::strerror(errno); }

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) close(descriptor_);
}
FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

// Not the file itself: that is replaced.
FileDescriptor SharedFile::lock(std::chrono::microseconds patience) const {
  constexpr std::chrono::microseconds kPause{500};
  const std::string path = path_ + ".lock";
  FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_valid()) return file;
  for (auto tries = patience / kPause; tries > 0; --tries) {
    if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
    usleep(kPause.count());
  }
  return FileDescriptor(-1);
}

Status SharedFile::check(unsigned mode, unsigned owner) const {
  if (!S_ISREG(mode)) return {StatusCode::kInvalidArgument, path_ + " is not a file"};
  if (owner != geteuid()) {
    return {StatusCode::kPermissionDenied,
            path_ + " belongs to another user, " + rules_.owner_could};
  }
  if ((mode & rules_.forbidden_mode) == 0) return Status::ok();
  char text[8];
  std::snprintf(text, sizeof text, "%04o", mode & 07777);
  return {StatusCode::kPermissionDenied, path_ + " has mode " + text + ": " + rules_.others_may +
                                             ". Remove it, or run: chmod 600 " + path_};
}

Result<SharedFile::Content> SharedFile::read() const {
  const auto unreadable = [this] {
    return Status(StatusCode::kUnavailable, "cannot read " + path_ + ": " + system_error());
  };
  const FileDescriptor file(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_valid()) {
    if (errno == ENOENT) return Content();
    return unreadable();
  }
  struct stat about {};
  if (fstat(file.get(), &about) != 0) return unreadable();
  if (Status status = check(about.st_mode, about.st_uid); !status.is_ok()) return status;
  Content content;
  content.version = version_of(about);
  char piece[16384];
  for (;;) {
    const ssize_t size = ::read(file.get(), piece, sizeof piece);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return unreadable();
    if (size == 0) return content;
    content.text.append(piece, static_cast<std::size_t>(size));
    if (content.text.size() > kMostBytes) {
      return Status(StatusCode::kInvalidArgument, path_ + " is larger than 64 MiB");
    }
  }
}

SharedFile::Version SharedFile::version() const noexcept {
  struct stat about {};
  return stat(path_.c_str(), &about) == 0 ? version_of(about) : Version();
}

Status SharedFile::replace(std::string_view text) const {
  const std::string made = path_ + ".new";
  if (write_new(made, text) && std::rename(made.c_str(), path_.c_str()) == 0) {
    if (rules_.is_durable) sync_folder();
    return Status::ok();
  }
  Status failed(StatusCode::kUnavailable, "cannot write " + path_ + ": " + system_error());
  unlink(made.c_str());
  return failed;
}

// What a crash left behind is replaced; the lock keeps others away.
bool SharedFile::write_new(const std::string& path, std::string_view text) const {
  unlink(path.c_str());
  const FileDescriptor file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_valid()) return false;
  while (!text.empty()) {
    const ssize_t size = ::write(file.get(), text.data(), text.size());
    if (size < 0 && errno != EINTR) return false;
    if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
  }
  return !rules_.is_durable || fdatasync(file.get()) == 0;
}

// Without it a power cut could bring the old file back. Not every file system can do that.
void SharedFile::sync_folder() const {
  const std::size_t slash = path_.rfind('/');
  const std::string folder = slash == path_.npos ? "." : path_.substr(0, slash + 1);
  const FileDescriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.is_valid()) (void)fsync(opened.get());
}

}  // namespace echostream::internal
