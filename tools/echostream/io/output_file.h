// A file that appears whole or not at all.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "echostream/base/result.h"

namespace echostream::tool {

/// Written beside its place and moved there by commit(); without that nothing is left of it. What
/// is no regular file (/dev/null, a pipe) is written directly.
class OutputFile {
 public:
  /// Refuses to overwrite one of `inputs`.
  static Result<OutputFile> create(const std::string& path, const std::vector<std::string>& inputs);

  OutputFile(OutputFile&&) = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  std::ostream& stream() { return *stream_; }
  /// Where the bytes are until commit(), for a program that is to write them.
  const std::filesystem::path& unfinished() const { return *unfinished_; }
  /// Writes what is left and puts the file in its place.
  Status commit();

 private:
  OutputFile(std::string name, std::filesystem::path place);
  Status open();
  Status error(const std::string& what) const;

  std::string name_;
  std::filesystem::path place_;
  bool is_direct_ = false;
  // Null once moved from or committed.
  std::unique_ptr<std::filesystem::path> unfinished_;
  std::unique_ptr<std::ofstream> stream_;
};

/// Opens a file to be read; the error says why that is impossible.
Result<std::ifstream> open_input(const std::string& path);

}  // namespace echostream::tool
