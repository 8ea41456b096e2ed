// A file that only grows, for what helps to find errors. Nobody but its owner can read it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"

namespace echostream::internal {

class TraceFile {
 public:
  /// Both make it with mode 0600, in a folder that exists; UNAVAILABLE when the system refuses.
  /// ALREADY_EXISTS when there is something of that name.
  static Result<TraceFile> make(const std::string& path);
  /// Adds to one that is there: INVALID_ARGUMENT when it is no regular file or a link,
  /// PERMISSION_DENIED when it belongs to another user or others may read it.
  static Result<TraceFile> open(const std::string& path);
  ~TraceFile();
  TraceFile(TraceFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  TraceFile& operator=(TraceFile&&) = delete;

  /// From any thread. UNAVAILABLE when the system does not take all of it; a part may be there
  /// then.
  Status append(BytesView bytes) const;
  /// Takes away what lies behind.
  void cut_to(std::uint64_t size) const;

 private:
  explicit TraceFile(int descriptor) noexcept : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace echostream::internal
