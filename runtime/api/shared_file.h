// A file of text that several programs of one user share: read and replaced as a whole.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "echostream/base/result.h"

namespace echostream::internal {

/// Closes it in the end.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  bool is_valid() const noexcept { return descriptor_ >= 0; }
  int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

class SharedFile {
 public:
  struct Rules {
    /// Bits that its mode must not have.
    unsigned forbidden_mode;
    /// What another user could do whose file it is, and others by that mode; to follow ": ".
    const char* owner_could;
    const char* others_may;
    /// It is on the disk when replace() returns.
    bool is_durable;
  };
  /// Another one, most likely, for another text; all zero where there is no file.
  using Version = std::array<std::int64_t, 7>;
  struct Content {
    std::string text;  // empty where there is no file
    Version version{};
  };

  SharedFile(std::string path, const Rules& rules) : path_(std::move(path)), rules_(rules) {}

  const std::string& path() const noexcept { return path_; }
  /// PERMISSION_DENIED by the rules; INVALID_ARGUMENT when it is no file, or larger than 64 MiB;
  /// UNAVAILABLE when it cannot be read.
  Result<Content> read() const;
  Version version() const noexcept;
  /// UNAVAILABLE. Only under the lock.
  Status replace(std::string_view text) const;
  /// Keeps other programs from replacing the file until the result is destroyed. Not valid when
  /// they do not let us within `patience`, or no lock file can be made beside it.
  FileDescriptor lock(std::chrono::microseconds patience) const;

 private:
  Status check(unsigned mode, unsigned owner) const;
  bool write_new(const std::string& path, std::string_view text) const;
  void sync_folder() const;

  const std::string path_;
  const Rules rules_;
};

/// Of the last system call that failed.
std::string system_error();

}  // namespace echostream::internal
