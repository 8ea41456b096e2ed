#include "tools/echostream/remote/schema.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <set>
#include <utility>

namespace echostream::tool {

namespace {

constexpr std::size_t kMostShown = 5;
// Within which a name may be another one, misspelt.
constexpr std::size_t kFewSteps = 2;

bool ends_with_part(std::string_view name, std::string_view end) {
  if (name == end) return true;
  if (!name.ends_with(end)) return false;
  const char before = name[name.size() - end.size() - 1];
  return before == '.' || before == '/';
}

// Steps from one name to the other by adding, dropping and changing a character (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t k = 1; k <= b.size(); ++k) {
      const std::size_t changed = diagonal + (a[i - 1] == b[k - 1] ? 0 : 1);
      diagonal = row[k];
      row[k] = std::min({changed, row[k] + 1, row[k - 1] + 1});
    }
  }
  return row.back();
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostShown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kMostShown) {
    text += " and " + std::to_string(names.size() - kMostShown) + " more";
  }
  return text;
}

// More than a server takes from strangers: of what comes there is --max-reply-bytes, and what is
// sent is the user's own.
gateway::JsonLimits json_limits() {
  gateway::JsonLimits limits;
  limits.max_decoded_bytes = 256 * 1024 * 1024;
  return limits;
}

// What follows the last '.' or '/'.
std::string last_part(const std::string& full_name) {
  return full_name.substr(full_name.find_last_of("./") + 1);
}

// How far a name is from another, or from that one's last part, whichever is nearer.
std::size_t apart(std::string_view wanted, const std::string& full_name) {
  constexpr std::size_t kMostCompared = 512;
  const std::string_view begin = wanted.substr(0, kMostCompared);
  // A long name is only compared where it can be meant.
  const std::size_t whole = begin == wanted ? distance(wanted, full_name) : wanted.size();
  return std::min(whole, distance(begin, last_part(full_name)));
}

Status unknown_type(const std::string& name) {
  return {StatusCode::kInternal, "the descriptors do not say what " + name + " is"};
}

}  // namespace

Schema::Schema() : types_(std::make_unique<gateway::MessageTypes>(json_limits())) {}

Result<const SchemaMethod*> Schema::find_method(std::string_view name) const {
  std::string wanted(name);
  std::vector<const SchemaMethod*> found;
  std::vector<std::pair<std::size_t, std::string>> nearest;
  for (const SchemaService& service : services_) {
    for (const auto& method : service.methods) {
      const std::string dotted = service.full_name + "." + method->name;
      if (method->full_name == wanted || dotted == wanted) return method.get();
      if (ends_with_part(method->full_name, wanted) || ends_with_part(dotted, wanted)) {
        found.push_back(method.get());
      }
      nearest.emplace_back(apart(wanted, method->full_name), method->full_name);
    }
  }
  if (found.size() == 1) return found.front();
  std::vector<std::string> names;
  for (const SchemaMethod* method : found) names.push_back(method->full_name);
  if (!found.empty()) {
    return Status(StatusCode::kInvalidArgument,
                  "'" + wanted + "' may be " + list_of(names) + ": say which one");
  }
  if (const auto service = find_service(name); service && !(*service)->methods.empty()) {
    for (const auto& method : (*service)->methods) names.push_back(method->full_name);
    return Status(StatusCode::kNotFound,
                  "'" + wanted + "' is a service: say which method, " + list_of(names));
  }
  std::sort(nearest.begin(), nearest.end());
  for (const auto& [steps, full_name] : nearest) {
    if (names.empty() || steps <= kFewSteps) names.push_back(full_name);
  }
  return Status(StatusCode::kNotFound,
                "there is no method '" + wanted + "'" +
                    (names.empty() ? std::string() : "; is it " + list_of(names) + "?"));
}

Result<const SchemaService*> Schema::find_service(std::string_view name) const {
  std::vector<const SchemaService*> found;
  for (const SchemaService& service : services_) {
    if (service.full_name == name) return &service;
    if (ends_with_part(service.full_name, name)) found.push_back(&service);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return Status(StatusCode::kNotFound, "there is no service '" + std::string(name) + "'");
  }
  std::vector<std::string> names;
  for (const SchemaService* service : found) names.push_back(service->full_name);
  return Status(StatusCode::kInvalidArgument,
                "'" + std::string(name) + "' may be " + list_of(names) + ": say which one");
}

std::vector<std::string> Schema::types_of_methods() const {
  std::set<std::string> types;
  for (const SchemaService& service : services_) {
    for (const auto& method : service.methods) {
      types.insert(method->input_type);
      types.insert(method->output_type);
    }
  }
  return {types.begin(), types.end()};
}

std::string Schema::nearest_names(std::string_view name) const {
  std::vector<std::pair<std::size_t, std::string>> nearest;
  const auto add = [&](const std::string& full_name) {
    const std::size_t steps = apart(name, full_name);
    if (steps <= kFewSteps && steps < name.size()) nearest.emplace_back(steps, full_name);
  };
  for (const SchemaService& service : services_) {
    add(service.full_name);
    for (const auto& method : service.methods) add(method->full_name);
  }
  for (const std::string& type : types_of_methods()) add(type);
  std::sort(nearest.begin(), nearest.end());
  std::vector<std::string> names;
  for (auto& [steps, full_name] : nearest) names.push_back(std::move(full_name));
  return list_of(names);
}

Result<Buffer> Schema::request_from_json(const SchemaMethod& method, std::string_view json) const {
  const auto* type = types_->pool().FindMessageTypeByName(method.input_type);
  if (type == nullptr) return unknown_type(method.input_type);
  return types_->from_json(*type, json);
}

Result<std::string> Schema::request_to_json(const SchemaMethod& method, BytesView message,
                                            bool with_defaults) const {
  const auto* type = types_->pool().FindMessageTypeByName(method.input_type);
  if (type == nullptr) return unknown_type(method.input_type);
  return types_->to_json(*type, message, with_defaults, gateway::UnknownAny::kShowBytes);
}

Result<std::string> Schema::reply_to_json(const SchemaMethod& method, BytesView message,
                                          bool with_defaults) const {
  const auto* type = types_->pool().FindMessageTypeByName(method.output_type);
  if (type == nullptr) return unknown_type(method.output_type);
  return types_->to_json(*type, message, with_defaults, gateway::UnknownAny::kShowBytes);
}

void bind_names(SchemaMethod& method) {
  method.info.name = method.name;
  method.info.full_name = method.full_name;
  method.info.sync_group = method.sync_group;
}

}  // namespace echostream::tool
