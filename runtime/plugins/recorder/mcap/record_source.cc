#include "runtime/plugins/recorder/mcap/record_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/plugins/recorder/mcap/crc32.h"

namespace echostream::mcap {
namespace {

class FileSource final : public ByteSource {
 public:
  FileSource(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  ~FileSource() override { ::close(fd_); }

  std::uint64_t size() const override { return size_; }
  Status read(std::uint64_t offset, MutableBytes out) override {
    while (!out.empty()) {
      const ::ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<::off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        return {StatusCode::kUnavailable,
                got < 0 ? std::strerror(errno) : "the file has become shorter"};
      }
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return Status::ok();
  }

 private:
  int fd_;
  std::uint64_t size_;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(Buffer bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Status read(std::uint64_t offset, MutableBytes out) override {
    std::copy_n(bytes_.data() + offset, out.size(), out.data());
    return Status::ok();
  }

 private:
  Buffer bytes_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Status(errno == ENOENT ? StatusCode::kNotFound : StatusCode::kUnavailable,
                  path + ": " + std::strerror(errno));
  }
  struct ::stat about {};
  if (::fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
    ::close(fd);
    return Status(StatusCode::kInvalidArgument, path + ": not a file");
  }
  return std::unique_ptr<ByteSource>(
      std::make_unique<FileSource>(fd, static_cast<std::uint64_t>(about.st_size)));
}

std::unique_ptr<ByteSource> make_memory_source(Buffer bytes) {
  return std::make_unique<MemorySource>(std::move(bytes));
}

Status RecordSource::check_magic() {
  std::array<std::uint8_t, kMagic.size()> begin{};
  if (source_->size() >= begin.size()) {
    if (Status read = source_->read(0, begin); !read.is_ok()) return read;
  }
  if (begin != kMagic) return {StatusCode::kInvalidArgument, "this is no MCAP file"};
  position_ = begin.size();
  crc_ = crc32(begin);
  return Status::ok();
}

bool RecordSource::is_at_closing_magic() {
  std::array<std::uint8_t, kMagic.size()> end{};
  if (source_->size() - position_ != end.size()) return false;
  return source_->read(position_, end).is_ok() && end == kMagic;
}

std::optional<RecordSource::Record> RecordSource::next(bool (*is_wanted)(Opcode)) {
  if (!error_.is_ok()) return std::nullopt;
  const std::uint64_t left = source_->size() - position_;
  if (left < kRecordHeaderBytes) {
    error_ = Status(StatusCode::kDataLoss, left == 0 ? "the file has no end" : "the file is cut");
    return std::nullopt;
  }
  std::array<std::uint8_t, kRecordHeaderBytes> header{};
  error_ = source_->read(position_, header);
  if (!error_.is_ok()) return std::nullopt;
  FieldReader fields(header);
  const auto opcode = static_cast<Opcode>(fields.u8());
  const std::uint64_t length = fields.u64();
  if (length > left - kRecordHeaderBytes) {
    error_ = Status(StatusCode::kDataLoss, "the file is cut within a record");
    return std::nullopt;
  }
  if (opcode == Opcode{}) {
    error_ = Status(StatusCode::kDataLoss, "there is something that is no record");
    return std::nullopt;
  }
  Record record{opcode, position_, kRecordHeaderBytes + length, {}};
  crc_before_ = crc_;
  crc_ = crc32(header, crc_);
  error_ = read_content(length, is_wanted(opcode), record.content);
  if (!error_.is_ok()) return std::nullopt;
  position_ += record.length;
  return record;
}

// What nobody wants, or is too large, goes by in pieces: the file's checksum is of all bytes.
Status RecordSource::read_content(std::uint64_t length, bool is_wanted, BytesView& content) {
  constexpr std::uint64_t kPiece = 64 * 1024;
  const bool is_kept = is_wanted && length <= most_bytes_;
  std::uint64_t offset = position_ + kRecordHeaderBytes;
  const std::uint64_t end = offset + length;
  do {
    const std::uint64_t piece = is_kept ? length : std::min(end - offset, kPiece);
    content_.resize(static_cast<std::size_t>(piece));
    const MutableBytes out(reinterpret_cast<std::uint8_t*>(content_.data()), content_.size());
    if (Status read = source_->read(offset, out); !read.is_ok()) return read;
    crc_ = crc32(out, crc_);
    if (is_kept) content = out;
    offset += piece;
  } while (offset < end);
  return Status::ok();
}

}  // namespace echostream::mcap
