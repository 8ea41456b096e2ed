// Session tickets in a file: a line of text for each, hexadecimal ticket first, server behind it.
#include <chrono>
#include <mutex>
#include <utility>

#include "echostream/session_tickets.h"

#include "runtime/api/shared_file.h"
#include "runtime/api/ticket_list.h"

namespace echostream {
namespace {

constexpr std::string_view kFirstLine = "# EchoStream session tickets, format 1. Keep secret.\n";
constexpr internal::SharedFile::Rules kRules = {
    077, "who could read the tickets in it", "others may read the tickets in it, which are secret",
    false};
// How long to wait for other threads and programs, each. They are done within milliseconds, or
// hang: then a loop must not hang with them, and does without tickets.
constexpr std::chrono::milliseconds kPatience{10};
constexpr std::chrono::milliseconds kPatienceAtFirst{500};

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

class FileTicketCache final : public SessionTicketCache {
 public:
  FileTicketCache(std::string path, std::size_t most)
      : file_(std::move(path), kRules), most_(most) {}

  /// The file is there, is ours alone, and can be written.
  Status prepare() {
    internal::TicketList tickets(most_);
    // A file that is not ours gets no lock file beside it either.
    if (Status status = read(tickets); !status.is_ok()) return status;
    const internal::FileDescriptor others = file_.lock(kPatienceAtFirst);
    if (!others.is_valid()) {
      return {StatusCode::kUnavailable,
              "cannot lock " + file_.path() + ".lock: " + internal::system_error()};
    }
    tickets = internal::TicketList(most_);
    if (Status status = read(tickets); !status.is_ok()) return status;
    return write(tickets);
  }

  void store(const std::string& server, std::string ticket) override {
    const std::unique_lock lock(mutex_, kPatience);
    if (!lock.owns_lock()) return;
    const internal::FileDescriptor others = file_.lock(kPatience);
    internal::TicketList tickets(most_);
    const bool is_one_line = server.find('\n') == server.npos;
    if (!is_one_line || !others.is_valid() || !read(tickets).is_ok()) return;
    tickets.add(server, std::move(ticket));
    (void)write(tickets);
  }

  std::optional<std::string> take(const std::string& server) override {
    const std::unique_lock lock(mutex_, kPatience);
    if (!lock.owns_lock()) return std::nullopt;
    const internal::FileDescriptor others = file_.lock(kPatience);
    internal::TicketList tickets(most_);
    if (!others.is_valid() || !read(tickets).is_ok()) return std::nullopt;
    std::optional<std::string> ticket = tickets.take(server);
    // One that cannot be crossed out would be used twice.
    if (!ticket || !write(tickets).is_ok()) return std::nullopt;
    return ticket;
  }

 private:
  // A file that does not exist has no tickets, nor has one that was cut off in its first line. Any
  // other without that line is not ours, and must not be written over.
  Status read(internal::TicketList& tickets) const {
    const auto content = file_.read();
    if (!content) return content.error();
    const std::string& text = content->text;
    if (kFirstLine.starts_with(text)) return Status::ok();
    if (!text.starts_with(kFirstLine)) {
      return {StatusCode::kInvalidArgument,
              file_.path() +
                  " holds something else than session tickets, and is left as it is; give " +
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
    return file_.replace(text);
  }

  const internal::SharedFile file_;
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
