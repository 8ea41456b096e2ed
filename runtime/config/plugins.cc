#include "runtime/config/plugins.h"

#include <google/protobuf/util/json_util.h>

#include <mutex>
#include <set>
#include <utility>

#include "echostream/config.h"
#include "echostream/plugin_loader.h"

#include "built_in_plugins.h"
#include "runtime/config/places.h"

namespace echostream {

namespace internal {

namespace {

Result<std::shared_ptr<Plugin>> load(const config::LoadedPlugin& from) {
  auto plugin = load_plugin(from.path());
  if (!plugin) return plugin;
  std::string json = "{}";
  if (from.has_settings()) {
    json.clear();
    const auto written = google::protobuf::util::MessageToJsonString(from.settings(), &json);
    if (!written.ok()) return Status(StatusCode::kInvalidArgument, "settings: no JSON object");
  }
  try {
    Status configured = (*plugin)->configure(json);
    if (!configured.is_ok()) return configured;
  } catch (const std::exception& error) {
    return Status(StatusCode::kInternal, std::string("configure() threw: ") + error.what());
  } catch (...) {
    return Status(StatusCode::kInternal, "configure() threw");
  }
  return plugin;
}

}  // namespace

Result<std::shared_ptr<Plugin>> make_plugin_from(const config::PluginConfig& plugin) {
  switch (plugin.settings_case()) {
    case config::PluginConfig::kLoad:
      return load(plugin.load());
#define ECHOSTREAM_CASE(name, case_name) \
  case config::PluginConfig::case_name:  \
    return make_plugin(plugin.name());
      ECHOSTREAM_BUILT_IN_PLUGINS(ECHOSTREAM_CASE)
#undef ECHOSTREAM_CASE
    case config::PluginConfig::SETTINGS_NOT_SET:
      return Status(StatusCode::kInvalidArgument, "names no plugin");
    default:
      return Status(StatusCode::kUnimplemented,
                    "this program was built without the plugin " + plugin_kind(plugin));
  }
}

std::string plugin_kind(const config::PluginConfig& plugin) {
  const auto* settings = config::PluginConfig::descriptor()->FindOneofByName("settings");
  const auto* field = plugin.GetReflection()->GetOneofFieldDescriptor(plugin, settings);
  return field == nullptr ? std::string() : field->name();
}

}  // namespace internal

namespace {

constexpr const char* kLeftOut = "a plugin is left out: ";

std::string path_of(const config::PluginConfig& plugin, int index) {
  return "plugins." + std::to_string(index) + "." + internal::plugin_kind(plugin);
}

bool is_required(const config::PluginConfig& plugin) {
  return !plugin.has_required() || plugin.required();
}

// With the place in the file.
std::string located(const Configuration& configuration, int index, const Status& why) {
  internal::Problems problem;
  configuration.places().report(problem, path_of(configuration.message().plugins(index), index),
                                std::string(why.message()));
  return std::string(problem.status(nullptr).message());
}

Result<std::shared_ptr<Plugin>> make(const config::PluginConfig& plugin) {
  auto made = internal::make_plugin_from(plugin);
  if (!made || is_required(plugin)) return made;
  return internal::make_optional(*std::move(made));
}

}  // namespace

Status check_plugins(const Configuration& configuration, std::vector<ConfigProblem>* problems) {
  internal::Problems found;
  std::set<std::string> names;
  for (int i = 0; i < configuration.message().plugins_size(); ++i) {
    const config::PluginConfig& plugin = configuration.message().plugins(i);
    const auto made = internal::make_plugin_from(plugin);
    std::string problem;
    if (!made) {
      problem = made.error().message();
    } else if (std::string name((*made)->name()); !names.insert(name).second) {
      problem = "a plugin '" + name + "' is there already; a node takes one of each name";
    }
    if (!problem.empty()) configuration.places().report(found, path_of(plugin, i), problem);
  }
  return found.status(problems);
}

Status add_plugins(const Configuration& configuration, Node& node) {
  for (int i = 0; i < configuration.message().plugins_size(); ++i) {
    const config::PluginConfig& plugin = configuration.message().plugins(i);
    auto made = make(plugin);
    const Status added = made ? node.add_plugin(*std::move(made)) : made.error();
    if (added.is_ok()) continue;
    if (is_required(plugin)) return {added.code(), located(configuration, i, added)};
    node.log(LogLevel::kWarning, kLeftOut + located(configuration, i, added));
  }
  return Status::ok();
}

Status add_plugins(const Configuration& configuration, NodePool& pool) {
  for (int i = 0; i < configuration.message().plugins_size(); ++i) {
    const config::PluginConfig& plugin = configuration.message().plugins(i);
    // Of the first thread that has no plugin. The pool asks one thread after the other.
    Status failure;
    Status added = pool.add_plugin([&](std::size_t) -> std::shared_ptr<Plugin> {
      auto made = make(plugin);
      if (made) return *std::move(made);
      failure = made.error();
      return nullptr;
    });
    if (added.is_ok()) continue;
    if (!failure.is_ok()) added = std::move(failure);
    if (is_required(plugin)) return {added.code(), located(configuration, i, added)};
    const std::string line = kLeftOut + located(configuration, i, added);
    pool.for_each([line](std::size_t thread, Node& node) {
      if (thread == 0) node.log(LogLevel::kWarning, line);
    });
  }
  return Status::ok();
}

}  // namespace echostream
