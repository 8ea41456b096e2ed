#include "runtime/plugins/recorder/recording_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

namespace echostream::recorder {
namespace {

Status system_error(const std::string& path, int error) {
  return {error == EEXIST ? StatusCode::kAlreadyExists : StatusCode::kUnavailable,
          path + ": " + std::strerror(error)};
}

}  // namespace

Result<std::unique_ptr<FileSink>> FileSink::create(const std::string& path, bool overwrite) {
  const int how = O_WRONLY | O_CREAT | O_CLOEXEC | (overwrite ? O_TRUNC : O_EXCL);
  // What peers said to each other is nobody else's business.
  const int fd = ::open(path.c_str(), how, 0600);
  if (fd < 0) return system_error(path, errno);
  return std::make_unique<FileSink>(path, fd);
}

FileSink::~FileSink() { ::close(fd_); }

Status FileSink::append(BytesView bytes) {
  BytesView left = bytes;
  while (!left.empty()) {
    const ::ssize_t written = ::write(fd_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = written < 0 ? errno : ENOSPC;
      // A reader would otherwise find half a chunk, and the disk is full enough.
      if (::ftruncate(fd_, static_cast<::off_t>(size_)) != 0) {
        return system_error(path_, error).with_context("its last chunk is cut");
      }
      return system_error(path_, error);
    }
    left = left.subspan(static_cast<std::size_t>(written));
  }
  size_ += bytes.size();
  return Status::ok();
}

Status FileSink::sync() {
  // A pipe or a device has nothing to wait for.
  if (::fdatasync(fd_) == 0 || errno == EINVAL || errno == EROFS) return Status::ok();
  return system_error(path_, errno);
}

std::string FileSet::path_of(std::uint64_t number) const {
  if (number == 1) return options_.path;
  const std::size_t name = options_.path.rfind('/') + 1;  // npos + 1 is 0
  const std::size_t dot = options_.path.rfind('.');
  const std::size_t end = dot == std::string::npos || dot <= name ? options_.path.size() : dot;
  return options_.path.substr(0, end) + "-" + std::to_string(number) + options_.path.substr(end);
}

Result<std::unique_ptr<FileSink>> FileSet::begin_next() {
  while (options_.max_total_bytes > 0 && !ended_.empty() &&
         ended_bytes_ + options_.max_file_bytes > options_.max_total_bytes) {
    ::unlink(ended_.front().path.c_str());
    ended_bytes_ -= ended_.front().bytes;
    ended_.pop_front();
    ++deleted_;
  }
  // Those of an earlier run are left alone; but the first name is the one that was asked for.
  constexpr int kMostTaken = 10'000;
  for (int attempt = 0;; ++attempt) {
    auto file = FileSink::create(path_of(next_number_), options_.overwrite);
    const bool is_taken = !file && file.error().code() == StatusCode::kAlreadyExists;
    if (is_taken && next_number_ > 1 && attempt < kMostTaken) {
      ++next_number_;
      continue;
    }
    if (!file) return file.error();
    ++next_number_;
    ++begun_;
    return file;
  }
}

void FileSet::end(const FileSink& file, std::uint64_t bytes, bool is_empty) {
  if (is_empty) {
    ::unlink(file.path().c_str());
    --next_number_;
    return;
  }
  ended_.push_back({file.path(), bytes});
  ended_bytes_ += bytes;
}

std::string path_at(std::string path, WallTime now, std::uint32_t id) {
  const auto replace = [&path](std::string_view name, std::string_view text) {
    for (std::size_t at = path.find(name); at != path.npos; at = path.find(name, at)) {
      path.replace(at, name.size(), text);
    }
  };
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::time_t time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
  replace("{time}", text);
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(id));
  replace("{id}", text);
  return path;
}

}  // namespace echostream::recorder
