// A recording's files on the disk: one after the other, and the oldest deleted. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "echostream/base/result.h"
#include "echostream/base/time.h"

#include "runtime/plugins/recorder/mcap/writer.h"

namespace echostream::recorder {

/// A file that only holds what was written whole: what an error left of the last piece is cut off.
class FileSink final : public mcap::ByteSink {
 public:
  /// ALREADY_EXISTS unless `overwrite`, UNAVAILABLE with the system's reason.
  static Result<std::unique_ptr<FileSink>> create(const std::string& path, bool overwrite);
  FileSink(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~FileSink() override;
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  Status append(BytesView bytes) override;
  /// Waits until the disk has it.
  Status sync();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int fd_;
  std::uint64_t size_ = 0;
};

struct FileSetOptions {
  std::string path;
  bool overwrite = false;
  std::uint64_t max_total_bytes = 0;
  /// Room that is kept below max_total_bytes for the file that is begun.
  std::uint64_t max_file_bytes = 0;
};

class FileSet {
 public:
  explicit FileSet(FileSetOptions options) : options_(std::move(options)) {}

  /// The next file; the first time that at `path` itself. Deletes old ones to make room for it.
  Result<std::unique_ptr<FileSink>> begin_next();
  /// `file` has ended with that many bytes. One without anything in it is deleted.
  void end(const FileSink& file, std::uint64_t bytes, bool is_empty);

  std::uint64_t begun() const { return begun_; }
  std::uint64_t deleted() const { return deleted_; }

 private:
  struct Ended {
    std::string path;
    std::uint64_t bytes;
  };
  std::string path_of(std::uint64_t number) const;

  FileSetOptions options_;
  std::deque<Ended> ended_;
  std::uint64_t ended_bytes_ = 0;
  std::uint64_t next_number_ = 1;
  std::uint64_t begun_ = 0;
  std::uint64_t deleted_ = 0;
};

/// `path` with "{time}" replaced by 20260131T235959Z, and "{id}" by eight digits of `id`.
std::string path_at(std::string path, WallTime now, std::uint32_t id);

}  // namespace echostream::recorder
