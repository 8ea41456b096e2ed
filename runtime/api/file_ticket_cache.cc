// Session tickets in a file: a line of text for each, hexadecimal ticket first, server behind it.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <utility>

#include "echostream/session_tickets.h"

#include "runtime/api/ticket_list.h"

namespace echostream {
namespace {

constexpr std::string_view kFirstLine = "# EchoStream session tickets, format 1. Keep secret.\n";
// As much as we ever write, in hexadecimal; what is behind is not ours.
constexpr std::size_t kMostFileBytes = 64 * 1024 * 1024;
// How long to wait for other threads and programs, each. They are done within milliseconds, or
// hang: then a loop must not hang with them, and does without tickets.
constexpr std::chrono::milliseconds kPatience{10};
constexpr std::chrono::milliseconds kPatienceAtFirst{500};

class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  ~FileDescriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  bool is_valid() const noexcept { return descriptor_ >= 0; }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string> unhex(std::string_view text) {
  std::string bytes;
  if (text.empty() || text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

// What follows the first line.
void parse(std::string_view text, internal::TicketList& tickets) {
  // The last line, if it was cut off, has no end.
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::size_t space = line.find(' ');
    if (space == line.npos || space + 1 == line.size()) continue;
    if (auto ticket = unhex(line.substr(0, space))) {
      tickets.add(std::string(line.substr(space + 1)), *std::move(ticket));
    }
  }
}

std::string system_error() { return std::strerror(errno); }

class FileTicketCache final : public SessionTicketCache {
 public:
  FileTicketCache(std::string path, std::size_t most) : path_(std::move(path)), most_(most) {}

  /// The file is there, is ours alone, and can be written.
  Status prepare() {
    internal::TicketList tickets(most_);
    // A file that is not ours gets no lock file beside it either.
    if (Status status = read(tickets); !status.is_ok()) return status;
    const FileDescriptor others = lock_file(kPatienceAtFirst);
    if (!others.is_valid()) {
      return {StatusCode::kUnavailable, "cannot lock " + path_ + ".lock: " + system_error()};
    }
    tickets = internal::TicketList(most_);
    if (Status status = read(tickets); !status.is_ok()) return status;
    return write(tickets);
  }

  void store(const std::string& server, std::string ticket) override {
    const std::unique_lock lock(mutex_, kPatience);
    if (!lock.owns_lock()) return;
    const FileDescriptor others = lock_file(kPatience);
    internal::TicketList tickets(most_);
    const bool is_one_line = server.find('\n') == server.npos;
    if (!is_one_line || !others.is_valid() || !read(tickets).is_ok()) return;
    tickets.add(server, std::move(ticket));
    (void)write(tickets);
  }

  std::optional<std::string> take(const std::string& server) override {
    const std::unique_lock lock(mutex_, kPatience);
    if (!lock.owns_lock()) return std::nullopt;
    const FileDescriptor others = lock_file(kPatience);
    internal::TicketList tickets(most_);
    if (!others.is_valid() || !read(tickets).is_ok()) return std::nullopt;
    std::optional<std::string> ticket = tickets.take(server);
    // One that cannot be crossed out would be used twice.
    if (!ticket || !write(tickets).is_ok()) return std::nullopt;
    return ticket;
  }

 private:
  // Held until the descriptor is closed. Not the file itself: that is replaced.
  FileDescriptor lock_file(std::chrono::microseconds patience) const {
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

  Status check(const struct stat& about) const {
    if (!S_ISREG(about.st_mode)) return {StatusCode::kInvalidArgument, path_ + " is not a file"};
    if (about.st_uid != geteuid()) {
      return {StatusCode::kPermissionDenied,
              path_ + " belongs to another user, who could read the tickets in it"};
    }
    if ((about.st_mode & 077) == 0) return Status::ok();
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(about.st_mode & 07777));
    return {StatusCode::kPermissionDenied,
            path_ + " has mode " + mode +
                ": others may read the tickets in it, which are secret. Remove it, or run: "
                "chmod 600 " +
                path_};
  }

  // A file that does not exist has no tickets, nor has one that was cut off in its first line. Any
  // other without that line is not ours, and must not be written over.
  Status read(internal::TicketList& tickets) const {
    const FileDescriptor file(open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_valid()) {
      if (errno == ENOENT) return Status::ok();
      return {StatusCode::kUnavailable, "cannot read " + path_ + ": " + system_error()};
    }
    struct stat about {};
    if (fstat(file.get(), &about) != 0) {
      return {StatusCode::kUnavailable, "cannot read " + path_ + ": " + system_error()};
    }
    if (Status status = check(about); !status.is_ok()) return status;
    std::string text;
    char piece[16384];
    for (;;) {
      const ssize_t size = ::read(file.get(), piece, sizeof piece);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) {
        return {StatusCode::kUnavailable, "cannot read " + path_ + ": " + system_error()};
      }
      if (size == 0 || text.size() > kMostFileBytes) break;
      text.append(piece, static_cast<std::size_t>(size));
    }
    if (kFirstLine.starts_with(text)) return Status::ok();
    if (!text.starts_with(kFirstLine)) {
      return {StatusCode::kInvalidArgument,
              path_ + " holds something else than session tickets, and is left as it is; give " +
                  "another path, or remove the file"};
    }
    parse(std::string_view(text).substr(kFirstLine.size()), tickets);
    return Status::ok();
  }

  Status write(const internal::TicketList& tickets) const {
    std::string text(kFirstLine);
    for (const auto& entry : tickets.entries()) {
      text += hex(entry.ticket) + ' ' + entry.server + '\n';
    }
    const std::string made = path_ + ".new";
    if (!write_file(made, text) || std::rename(made.c_str(), path_.c_str()) != 0) {
      Status failed(StatusCode::kUnavailable, "cannot write " + path_ + ": " + system_error());
      unlink(made.c_str());
      return failed;
    }
    return Status::ok();
  }

  // What a crash left behind is replaced; the lock keeps others away.
  static bool write_file(const std::string& path, std::string_view text) {
    unlink(path.c_str());
    const FileDescriptor file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.is_valid()) return false;
    while (!text.empty()) {
      const ssize_t size = ::write(file.get(), text.data(), text.size());
      if (size < 0 && errno != EINTR) return false;
      if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }

  const std::string path_;
  const std::size_t most_;
  std::timed_mutex mutex_;
};

}  // namespace

Result<std::shared_ptr<SessionTicketCache>> make_file_ticket_cache(std::string path,
                                                                   std::size_t max_tickets) {
  auto cache = std::make_shared<FileTicketCache>(std::move(path), max_tickets);
  if (Status status = cache->prepare(); !status.is_ok()) {
    return status.with_context("the ticket cache");
  }
  return std::shared_ptr<SessionTicketCache>(std::move(cache));
}

}  // namespace echostream
