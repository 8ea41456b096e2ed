#include "echostream/plugin_loader.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "runtime/api/node_context.h"

namespace echostream {
namespace {

constexpr const char* kSymbol = "echostream_plugin";

struct Unload {
  void operator()(void* library) const { dlclose(library); }
};
using Library = std::unique_ptr<void, Unload>;

Status denied(const std::string& text) { return {StatusCode::kPermissionDenied, text}; }
Status invalid(const std::string& text) { return {StatusCode::kInvalidArgument, text}; }

// Without links and dots: what is checked is what is loaded.
Result<std::string> real_path(const std::string& path) {
  char* resolved = realpath(path.c_str(), nullptr);
  if (resolved == nullptr) {
    const int error = errno;
    const bool is_absent = error == ENOENT || error == ENOTDIR;
    return Status(is_absent ? StatusCode::kNotFound : StatusCode::kPermissionDenied,
                  is_absent ? "there is no such file" : std::strerror(error));
  }
  std::string result = resolved;
  std::free(resolved);
  return result;
}

Status check_owner_and_mode(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return denied(std::strerror(errno));
  if (!S_ISREG(file.st_mode)) return invalid("it is not a file");
  if ((file.st_mode & S_IWOTH) != 0) {
    return denied("everybody may write the file; chmod o-w " + path);
  }
  if (file.st_uid != 0 && file.st_uid != geteuid()) {
    return denied("the file belongs to neither root nor the user of this program (uid " +
                  std::to_string(geteuid()) + "); chown it");
  }
  return Status::ok();
}

// Whoever may write a folder can put another file in its place, unless the folder is sticky.
Status check_folders(std::string_view path) {
  bool is_innermost = true;
  while (path.size() > 1) {
    path = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    const std::string folder(path);
    struct stat info {};
    if (stat(folder.c_str(), &info) != 0) return denied(folder + ": " + std::strerror(errno));
    const bool is_open = (info.st_mode & S_IWOTH) != 0;
    if (is_open && (is_innermost || (info.st_mode & S_ISVTX) == 0)) {
      return denied("everybody may write the folder " + folder +
                    "; put the plugin into one that is yours");
    }
    is_innermost = false;
  }
  return Status::ok();
}

Result<Library> open_library(const std::string& path) {
  Library library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (library) return library;
  const char* said = dlerror();
  std::string text = "it cannot be loaded: " + std::string(said != nullptr ? said : "no reason");
  if (text.find("undefined symbol") != std::string::npos) {
    text +=
        " (was this program linked with echostream_allow_plugins(), and the plugin made for this "
        "version?)";
  }
  return invalid(text);
}

Result<std::shared_ptr<Plugin>> make_plugin(const PluginEntry& entry) {
  // Nothing of another ABI is looked at.
  if (entry.abi != ECHOSTREAM_PLUGIN_ABI) {
    return Status(StatusCode::kFailedPrecondition,
                  "it was made for the plugin ABI " + std::to_string(entry.abi) +
                      ", and this program has " + std::to_string(ECHOSTREAM_PLUGIN_ABI) +
                      "; build it with the headers of this program's EchoStream");
  }
  if (entry.name == nullptr || entry.make == nullptr) {
    return invalid("its entry says nothing; use ECHOSTREAM_EXPORT_PLUGIN");
  }
  const std::string who = "the plugin '" + std::string(entry.name) + "' ";
  try {
    std::shared_ptr<Plugin> plugin(entry.make());
    if (plugin) return plugin;
  } catch (...) {
    return Status(StatusCode::kInternal,
                  who + "threw when it was made: " + internal::describe_exception());
  }
  return Status(StatusCode::kInternal, who + "was not made");
}

Result<std::shared_ptr<Plugin>> load(const std::string& path) {
  auto real = real_path(path);
  if (!real) return std::move(real).error();
  if (Status status = check_owner_and_mode(*real); !status.is_ok()) return status;
  if (Status status = check_folders(*real); !status.is_ok()) return status;
  auto library = open_library(*real);
  if (!library) return std::move(library).error();
  const void* symbol = dlsym(library->get(), kSymbol);
  if (symbol == nullptr) {
    return invalid(std::string("it exports no '") + kSymbol +
                   "': is it a plugin? ECHOSTREAM_EXPORT_PLUGIN is missing");
  }
  auto plugin = make_plugin(*static_cast<const PluginEntry*>(symbol));
  if (plugin) (void)library->release();  // for good
  return plugin;
}

}  // namespace

Result<std::shared_ptr<Plugin>> load_plugin(const std::string& path) {
  auto plugin = load(path);
  if (!plugin) return std::move(plugin).error().with_context("plugin " + path);
  return plugin;
}

}  // namespace echostream
