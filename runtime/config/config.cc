#include "echostream/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/config/file.h"
#include "runtime/config/json_reader.h"
#include "runtime/config/overrides.h"
#include "runtime/config/places.h"
#include "runtime/config/text_reader.h"
#include "runtime/config/validate.h"

namespace echostream {

using internal::ConfigPlaces;
using internal::Problems;

namespace {

bool is_json(std::string_view text, const std::string& name) {
  constexpr std::array<std::string_view, 3> kTextExtensions = {".textproto", ".txtpb", ".pbtxt"};
  if (name.ends_with(".json")) return true;
  const auto fits = [&](std::string_view extension) { return name.ends_with(extension); };
  if (std::any_of(kTextExtensions.begin(), kTextExtensions.end(), fits)) return false;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{';
}

void read_text(std::string_view text, const std::string& name, config::Config& message,
               ConfigPlaces& places, Problems& problems) {
  internal::SettingSource source;
  source.name = name;
  source.is_json = is_json(text, name);
  source.folder = name.substr(0, name.rfind('/') + 1);
  if (text.size() > internal::kMostConfigBytes) {
    return problems.add(name, {}, "", "is longer than 1 MiB");
  }
  // Editors of some systems begin a file with a byte order mark.
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const auto value = source.is_json ? internal::read_json(text, name, problems)
                                    : internal::read_text_format(text, name, problems);
  if (!value) return;
  internal::MessageReader(source, places.fields, problems).read_message(*value, message, "");
}

Result<Configuration> finish(std::shared_ptr<config::Config> message,
                             std::shared_ptr<ConfigPlaces> places, Problems& problems,
                             const ConfigOverrides& overrides, std::vector<ConfigProblem>* out) {
  internal::apply_environment(overrides.environment, *message, places->fields, problems);
  internal::apply_settings(overrides.settings, *message, places->fields, problems);
  // Of a message with gaps it would find what is none.
  if (problems.empty()) internal::validate(*message, *places, problems);
  const Status status = problems.status(out);
  if (!status.is_ok()) return status;
  return Configuration(std::move(message), std::move(places));
}

}  // namespace

ConfigOverrides ConfigOverrides::from_environment() {
  ConfigOverrides overrides;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    overrides.environment.emplace_back(*variable);
  }
  return overrides;
}

Configuration::Configuration()
    : Configuration(std::make_shared<config::Config>(), std::make_shared<ConfigPlaces>()) {}

Configuration::Configuration(std::shared_ptr<const config::Config> message,
                             std::shared_ptr<const ConfigPlaces> places) noexcept
    : message_(std::move(message)), places_(std::move(places)) {}

Result<Configuration> read_config(const std::string& path, const ConfigOverrides& overrides,
                                  std::vector<ConfigProblem>* problems) {
  if (path.empty()) {
    Problems found;
    return finish(std::make_shared<config::Config>(), std::make_shared<ConfigPlaces>(), found,
                  overrides, problems);
  }
  const auto text = internal::read_file(path, internal::kMostConfigBytes);
  if (!text) return text.error();
  return parse_config(*text, path, overrides, problems);
}

Result<Configuration> parse_config(std::string_view text, const std::string& name,
                                   const ConfigOverrides& overrides,
                                   std::vector<ConfigProblem>* problems) {
  Problems found;
  auto message = std::make_shared<config::Config>();
  auto places = std::make_shared<ConfigPlaces>();
  places->source = name;
  read_text(text, name, *message, *places, found);
  return finish(std::move(message), std::move(places), found, overrides, problems);
}

}  // namespace echostream
