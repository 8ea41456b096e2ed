#include "tools/echostream/discovery/this_system.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace echostream::tool {

std::size_t terminal_rows() {
  if (::isatty(STDOUT_FILENO) == 0) return 0;
  constexpr std::size_t kUsual = 24;
  struct winsize size {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return kUsual;
  return size.ws_row;
}

std::string machine_name() {
  std::array<char, 256> buffer{};
  // One that is cut short need not end with a zero; ours does.
  if (::gethostname(buffer.data(), buffer.size() - 1) != 0 || buffer[0] == '\0') return "device";
  const std::string name(buffer.data());
  return name.substr(0, name.find('.'));
}

Result<std::string> settings_folder() {
  // Where nothing that is set is a whole path, the next one holds, as XDG's specification has it.
  const auto folder = [](const char* variable) -> std::string {
    const char* value = std::getenv(variable);
    return value != nullptr && value[0] == '/' ? value : "";
  };
  if (const std::string config = folder("XDG_CONFIG_HOME"); !config.empty()) {
    return config + "/echostream";
  }
  if (const std::string home = folder("HOME"); !home.empty()) return home + "/.config/echostream";
  return Status(StatusCode::kNotFound, "neither XDG_CONFIG_HOME nor HOME is set");
}

Result<std::string> known_peers_path(const std::string& given) {
  if (!given.empty()) return given;
  auto folder = settings_folder();
  if (!folder) {
    return std::move(folder).error().with_context("which file of known peers? Give --file");
  }
  return *folder + "/known_peers";
}

Status make_folder_of(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  if (folder.empty() || fs::exists(folder, error)) return Status::ok();
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (!error) return Status::ok();
  return {StatusCode::kUnavailable, "cannot make " + folder.string() + ": " + error.message()};
}

Status write_secret(const std::string& path, const std::string& text) {
  return write_new_file(path, text, 0600);
}

Status write_new_file(const std::string& path, const std::string& text, unsigned mode) {
  const auto cannot = [&](int error) {
    return Status(StatusCode::kUnavailable, "cannot write " + path + ": " + std::strerror(error));
  };
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return cannot(errno);
  const ssize_t written = ::write(file, text.data(), text.size());
  const int write_error = errno;
  if (::close(file) != 0) return cannot(errno);
  if (written == static_cast<ssize_t>(text.size())) return Status::ok();
  ::unlink(path.c_str());
  return cannot(written < 0 ? write_error : ENOSPC);
}

Status replace_file(const std::string& path, const std::string& text, unsigned mode) {
  // Beside it, so that it can be moved; no other program uses that name at the same time.
  const std::string unfinished = path + "." + std::to_string(::getpid()) + ".new";
  if (Status status = write_new_file(unfinished, text, mode); !status.is_ok()) return status;
  if (::rename(unfinished.c_str(), path.c_str()) == 0) return Status::ok();
  const int error = errno;
  ::unlink(unfinished.c_str());
  return {StatusCode::kUnavailable, "cannot replace " + path + ": " + std::strerror(error)};
}

bool others_may_read(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::perms permissions = fs::status(path, error).permissions();
  return !error &&
         (permissions & (fs::perms::group_read | fs::perms::others_read)) != fs::perms::none;
}

}  // namespace echostream::tool
