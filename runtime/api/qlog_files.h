// The qlog traces of a node's sessions: a file for each, in one folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "echostream/base/unique_function.h"

#include "runtime/transport/trace_sinks.h"

namespace echostream::internal {

/// One thread: the loop's.
class QlogFiles {
 public:
  struct Bounds {
    /// A trace ends before the record that would not fit.
    std::uint64_t file_bytes = 64 * 1024 * 1024;
    /// Sessions that are traced, by this node, in all: a flood of handshakes makes files, too.
    std::size_t files = 256;
  };
  /// Gets a line for the log: at most one of each kind.
  using Report = UniqueFunction<void(const std::string&)>;

  QlogFiles(std::string directory, Report report) : QlogFiles(directory, std::move(report), {}) {}
  QlogFiles(std::string directory, Report report, Bounds bounds)
      : directory_(std::move(directory)), report_(std::move(report)), bounds_(bounds) {}
  QlogFiles(const QlogFiles&) = delete;
  QlogFiles& operator=(const QlogFiles&) = delete;

  /// Null when this session is not traced. The sink must not outlive this.
  std::unique_ptr<transport::QlogSink> open(const transport::QlogName& name);

 private:
  class File;
  enum class Trouble : std::uint8_t { kOpen, kWrite, kFileFull, kTooMany };
  static constexpr std::size_t kTroubles = 4;
  void complain(Trouble trouble, const std::string& text);

  const std::string directory_;
  Report report_;
  const Bounds bounds_;
  std::size_t opened_ = 0;
  bool told_[kTroubles] = {};
};

}  // namespace echostream::internal
