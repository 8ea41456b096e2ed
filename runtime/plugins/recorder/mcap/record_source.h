// A file's records, one after the other, however damaged the file is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

#include "runtime/plugins/recorder/mcap/format.h"

namespace echostream::mcap {

/// Bytes at a place of a file. One thread.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  /// All of `out`; the caller stays within size().
  virtual Status read(std::uint64_t offset, MutableBytes out) = 0;
};

Result<std::unique_ptr<ByteSource>> open_file_source(const std::string& path);
std::unique_ptr<ByteSource> make_memory_source(Buffer bytes);

/// Walks over the records of the file itself; chunks are records like others.
class RecordSource {
 public:
  struct Record {
    Opcode opcode;
    std::uint64_t offset;  // of its opcode
    std::uint64_t length;  // of all of it
    /// Empty where `is_wanted` said no. Valid until the next call.
    BytesView content;
  };
  RecordSource(std::unique_ptr<ByteSource> source, std::uint64_t most_bytes)
      : source_(std::move(source)), most_bytes_(most_bytes) {}

  /// INVALID_ARGUMENT unless the file begins with the magic.
  Status check_magic();
  /// Nothing at the end of the whole records; error() then says why it was not the file's own end.
  std::optional<Record> next(bool (*is_wanted)(Opcode));
  const Status& error() const { return error_; }
  std::uint64_t position() const { return position_; }
  std::uint64_t size() const { return source_->size(); }
  /// Of all bytes before the last record that next() gave.
  std::uint32_t crc_before() const { return crc_before_; }
  /// Whether the closing magic, and nothing else, is at the position.
  bool is_at_closing_magic();

 private:
  Status read_content(std::uint64_t length, bool is_wanted, BytesView& content);

  std::unique_ptr<ByteSource> source_;
  std::uint64_t most_bytes_;
  std::uint64_t position_ = 0;
  std::uint32_t crc_ = 0;
  std::uint32_t crc_before_ = 0;
  std::string content_;
  Status error_;
};

}  // namespace echostream::mcap
