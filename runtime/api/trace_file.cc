#include "runtime/api/trace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace echostream::internal {
namespace {

// A pipe is found out when it is open; opening one must not wait for somebody to read it.
constexpr int kFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

std::string system_error() { return std::strerror(errno); }

Status check(const std::string& path, const struct stat& about) {
  if (!S_ISREG(about.st_mode)) return {StatusCode::kInvalidArgument, path + " is not a file"};
  if (about.st_uid != geteuid()) {
    return {StatusCode::kPermissionDenied,
            path + " belongs to another user; remove it, or give another path"};
  }
  if ((about.st_mode & 077) == 0) return Status::ok();
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(about.st_mode & 07777));
  return {
      StatusCode::kPermissionDenied,
      path + " has mode " + mode + ", and what is written there is secret. Run: chmod 600 " + path};
}

}  // namespace

Result<TraceFile> TraceFile::make(const std::string& path) {
  const int descriptor = ::open(path.c_str(), kFlags | O_EXCL, 0600);
  if (descriptor >= 0) return TraceFile(descriptor);
  const bool is_there = errno == EEXIST;
  return Status(is_there ? StatusCode::kAlreadyExists : StatusCode::kUnavailable,
                "cannot make " + path + ": " + system_error());
}

Result<TraceFile> TraceFile::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), kFlags, 0600);
  if (descriptor < 0) {
    // What the system says of links, and of pipes that nobody reads, leads nobody to the reason.
    if (errno == ELOOP || errno == ENXIO) {
      return Status(
          StatusCode::kInvalidArgument,
          path + (errno == ELOOP ? " is a link, and those are not followed" : " is not a file"));
    }
    return Status(StatusCode::kUnavailable, "cannot open " + path + ": " + system_error());
  }
  TraceFile file(descriptor);
  struct stat about {};
  if (fstat(descriptor, &about) != 0) {
    return Status(StatusCode::kUnavailable, "cannot read " + path + ": " + system_error());
  }
  if (Status status = check(path, about); !status.is_ok()) return status;
  return file;
}

TraceFile::~TraceFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status TraceFile::append(BytesView bytes) const {
  while (!bytes.empty()) {
    const ssize_t size = ::write(descriptor_, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return {StatusCode::kUnavailable, system_error()};
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
  return Status::ok();
}

void TraceFile::cut_to(std::uint64_t size) const {
  // What cannot be cut is half a record at the end, which readers of such files know to leave out.
  [[maybe_unused]] const int result = ftruncate(descriptor_, static_cast<off_t>(size));
}

}  // namespace echostream::internal
