// A file, or what is piped or typed in, read piece by piece without holding up the loop.
#pragma once

#include <string>

#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/loop.h"

namespace echostream::tool {

class InputStream {
 public:
  /// "-" is what is typed or piped in. NOT_FOUND or UNAVAILABLE with the system's reason.
  static Result<InputStream> open(const std::string& path);

  InputStream(InputStream&& other) noexcept;
  InputStream& operator=(InputStream&&) = delete;
  ~InputStream();

  /// Some bytes, at least one; empty at the end. Files are read as they are, everything else is
  /// waited for.
  Task<Result<std::string>> read(Loop& loop);

 private:
  InputStream(int file, std::string name) : file_(file), name_(std::move(name)) {}

  int file_;
  std::string name_;
};

}  // namespace echostream::tool
