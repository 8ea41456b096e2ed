#include "runtime/config/overrides.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/config/json_reader.h"

namespace echostream::internal {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::string_view kPrefix = "ECHOSTREAM_";

std::optional<int> parse_index(const std::string& text) {
  int index = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, index);
  if (parsed.ec != std::errc() || parsed.ptr != end || index < 0) return std::nullopt;
  return index;
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + separator.size());
  }
}

// Sets one field, which is named by the path to it.
class Override {
 public:
  Override(const SettingSource& source, FieldPlaces& places, Problems& problems)
      : source_(source), problems_(problems), reader_(source, places, problems) {}

  void apply(const std::vector<std::string>& names, const std::string& text, Message& root) {
    text_ = &text;
    Message* message = &root;
    std::string path;
    for (std::size_t i = 0; message != nullptr && i < names.size(); ++i) {
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(names[i]);
      if (field == nullptr) return report_unknown(names[i], path, *message->GetDescriptor());
      path = child_path(path, field->name());
      const bool is_element = field->is_repeated() && !field->is_map() && i + 1 < names.size();
      if (is_element) {
        const std::string& number = names[++i];
        message = element(*message, *field, number, path, i + 1 == names.size());
      } else if (i + 1 == names.size()) {
        const auto value = value_for(*field, path);
        if (value) reader_.read_field(*value, {}, *message, *field, path);
        return;
      } else {
        message = child(*message, *field, path);
      }
    }
  }

 private:
  void report(const std::string& path, const std::string& message) {
    problems_.add(source_.name, {}, path, message);
  }
  void report_unknown(const std::string& name, const std::string& path, const Descriptor& type) {
    report(child_path(path, name), "there is no setting " + quoted(child_path(path, name)) +
                                       unknown_field_hint(name, type));
  }

  // Lists and objects are JSON, everything else is text.
  std::optional<Value> value_for(const FieldDescriptor& field, const std::string& path) {
    const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    const bool takes_object = field.is_map() || (is_message && !field.is_repeated());
    // "[::1]:4433" is an address and no list.
    const char* next = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING ? "\"]" : "";
    const bool is_json =
        takes_object ? begins_with("{", "") : field.is_repeated() && begins_with("[", next);
    if (is_json) return read_json(*text_, source_.name, problems_);
    if (takes_object) {
      report(path, path + ": " + quoted(*text_) + " is not a JSON object, {...}");
      return std::nullopt;
    }
    return plain_text();
  }
  // With `first`, and then with one of `second` unless that is empty; space between is left out.
  bool begins_with(std::string_view first, std::string_view second) const {
    constexpr const char* kSpace = " \t\r\n";
    std::size_t at = text_->find_first_not_of(kSpace);
    if (at == text_->npos || first.find((*text_)[at]) == first.npos) return false;
    at = text_->find_first_not_of(kSpace, at + 1);
    return second.empty() || (at != text_->npos && second.find((*text_)[at]) != second.npos);
  }
  Value plain_text() const {
    Value value;
    value.kind = Value::Kind::kText;
    value.text = *text_;
    return value;
  }

  Message* child(Message& message, const FieldDescriptor& field, const std::string& path) {
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field.is_map()) {
      report(path, path + " has no settings below it");
      return nullptr;
    }
    if (!reader_.may_set(message, field, {}, path)) return nullptr;
    return message.GetReflection()->MutableMessage(&message, &field);
  }

  // The list's element with that number, which may be the next one; `path` becomes its own. Nothing
  // when that was all: it is set then.
  Message* element(Message& message, const FieldDescriptor& field, const std::string& number,
                   std::string& path, bool is_last) {
    const auto& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    const auto index = parse_index(number);
    if (!index || *index > size) {
      report(path, path + " has " + std::to_string(size) + " elements, numbered from 0; " +
                       quoted(number) + " is none, and not the next");
      return nullptr;
    }
    path = child_path(path, number);
    const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!is_last && is_message) {
      return *index == size ? reflection.AddMessage(&message, &field)
                            : reflection.MutableRepeatedMessage(&message, &field, *index);
    }
    if (!is_last) {
      report(path, path + " has no settings below it");
      return nullptr;
    }
    const auto value = is_message ? read_json(*text_, source_.name, problems_)
                                  : std::optional<Value>(plain_text());
    if (value) reader_.read_element(*value, message, field, *index, path);
    return nullptr;
  }

  const SettingSource& source_;
  Problems& problems_;
  MessageReader reader_;
  const std::string* text_ = nullptr;
};

void set(const std::string& source_name, const std::vector<std::string>& names,
         const std::string& text, config::Config& message, FieldPlaces& places,
         Problems& problems) {
  SettingSource source;
  source.name = source_name;
  source.is_json = true;
  source.is_override = true;
  if (text.size() > kMostConfigBytes) {
    return problems.add(source_name, {}, "", "the value is longer than 1 MiB");
  }
  Override(source, places, problems).apply(names, text, message);
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return text;
}

// The parts of a name in their order: numbers by their size, so that an element's turn comes after
// those before it.
bool comes_before(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](const std::string& one, const std::string& other) {
                                        const auto one_number = parse_index(one);
                                        const auto other_number = parse_index(other);
                                        if (one_number && other_number)
                                          return *one_number < *other_number;
                                        if (one_number || other_number)
                                          return one_number.has_value();
                                        return one < other;
                                      });
}

// ECHOSTREAM_ variables that are no settings belong to somebody else, unless they look like a slip.
bool is_meant_for_us(const std::vector<std::string>& names) {
  if (names.size() > 1) return true;
  const auto known = field_names(*config::Config::descriptor());
  if (std::find(known.begin(), known.end(), names[0]) != known.end()) return true;
  return std::any_of(known.begin(), known.end(), [&](const std::string& name) {
    return name.size() > 3 && distance(name, names[0]) == 1;
  });
}

}  // namespace

void apply_environment(const std::vector<std::string>& variables, config::Config& message,
                       FieldPlaces& places, Problems& problems) {
  struct Variable {
    std::string name;
    std::vector<std::string> names;
    std::string value;
  };
  std::vector<Variable> ours;
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    if (equals == variable.npos || !variable.starts_with(kPrefix)) continue;
    const std::string name = variable.substr(0, equals);
    auto names = split(lower_case(name.substr(kPrefix.size())), "__");
    if (is_meant_for_us(names)) {
      ours.push_back({name, std::move(names), variable.substr(equals + 1)});
    }
  }
  // Theirs is the system's order.
  std::stable_sort(ours.begin(), ours.end(), [](const Variable& a, const Variable& b) {
    return comes_before(a.names, b.names);
  });
  for (const Variable& variable : ours) {
    set("environment variable " + variable.name, variable.names, variable.value, message, places,
        problems);
  }
}

void apply_settings(const std::vector<std::string>& settings, config::Config& message,
                    FieldPlaces& places, Problems& problems) {
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == setting.npos) {
      problems.add("command line", {}, "",
                   quoted(setting) + " is no setting; write for example node.idle_timeout_ms=5000");
      continue;
    }
    set("command line", split(setting.substr(0, equals), "."), setting.substr(equals + 1), message,
        places, problems);
  }
}

}  // namespace echostream::internal
