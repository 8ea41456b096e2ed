#include "tools/echostream/io/output_file.h"

#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

namespace echostream::tool {

namespace {

namespace fs = std::filesystem;

std::string reason(int error) { return std::generic_category().message(error); }

Status unavailable(std::string message) { return {StatusCode::kUnavailable, std::move(message)}; }

// Two commands may write the same file at once; the last to finish wins.
std::string random_suffix() {
  std::random_device device;
  return ".unfinished-" + std::to_string(device()) + std::to_string(device());
}

// The file itself where `path` is a link to it.
fs::path resolved(const std::string& path) {
  std::error_code ignored;
  const fs::path place = fs::weakly_canonical(path, ignored);
  return ignored ? fs::path(path) : place;
}

}  // namespace

OutputFile::OutputFile(std::string name, fs::path place)
    : name_(std::move(name)), place_(std::move(place)) {}

Result<OutputFile> OutputFile::create(const std::string& path,
                                      const std::vector<std::string>& inputs) {
  std::error_code no_such_file;
  for (const std::string& input : inputs) {
    if (fs::is_regular_file(input, no_such_file) && fs::equivalent(path, input, no_such_file)) {
      return Status(StatusCode::kInvalidArgument,
                    path + " is the input; name another file to write to");
    }
  }
  OutputFile file(path, resolved(path));
  Status status = file.open();
  if (!status.is_ok()) return status;
  return file;
}

Status OutputFile::open() {
  std::error_code no_such_file;
  const fs::file_status status = fs::status(place_, no_such_file);
  if (fs::is_directory(status)) return error("it is a folder");
  is_direct_ = fs::exists(status) && !fs::is_regular_file(status);
  fs::path folder = place_.parent_path();
  if (folder.empty()) folder = ".";
  if (!fs::is_directory(folder, no_such_file)) {
    return error("there is no folder " + folder.string());
  }
  fs::path written = place_;
  if (!is_direct_) written += random_suffix();
  errno = 0;
  stream_ = std::make_unique<std::ofstream>(written, std::ios::binary);
  if (!stream_->is_open()) return error(reason(errno));
  unfinished_ = std::make_unique<fs::path>(std::move(written));
  return Status::ok();
}

Status OutputFile::error(const std::string& what) const {
  return unavailable("cannot write " + name_ + ": " + what);
}

OutputFile::~OutputFile() {
  if (!unfinished_ || is_direct_) return;
  stream_->close();
  std::error_code already_gone;
  fs::remove(*unfinished_, already_gone);
}

Status OutputFile::commit() {
  errno = 0;
  stream_->close();
  if (stream_->fail()) return error(errno != 0 ? reason(errno) : "not all could be written");
  if (!is_direct_) {
    std::error_code failure;
    fs::rename(*unfinished_, place_, failure);
    if (failure) return error(failure.message());
  }
  unfinished_.reset();
  return Status::ok();
}

Result<std::ifstream> open_input(const std::string& path) {
  std::error_code no_such_file;
  if (fs::is_directory(path, no_such_file)) {
    return unavailable("cannot read " + path + ": it is a folder");
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) return unavailable("cannot read " + path + ": " + reason(errno));
  return in;
}

}  // namespace echostream::tool
