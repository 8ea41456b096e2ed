#include "compiler/emit/cpp/names.h"

#include <algorithm>
#include <array>
#include <set>

namespace echostream::compiler::cpp {
namespace {

// Sorted. C++20's keywords and alternative tokens; NULL because protoc treats it as one.
constexpr std::array<std::string_view, 93> kKeywords = {
    "NULL",         "alignas",   "alignof",       "and",
    "and_eq",       "asm",       "auto",          "bitand",
    "bitor",        "bool",      "break",         "case",
    "catch",        "char",      "char16_t",      "char32_t",
    "char8_t",      "class",     "co_await",      "co_return",
    "co_yield",     "compl",     "concept",       "const",
    "const_cast",   "consteval", "constexpr",     "constinit",
    "continue",     "decltype",  "default",       "delete",
    "do",           "double",    "dynamic_cast",  "else",
    "enum",         "explicit",  "export",        "extern",
    "false",        "float",     "for",           "friend",
    "goto",         "if",        "inline",        "int",
    "long",         "mutable",   "namespace",     "new",
    "noexcept",     "not",       "not_eq",        "nullptr",
    "operator",     "or",        "or_eq",         "private",
    "protected",    "public",    "register",      "reinterpret_cast",
    "requires",     "return",    "short",         "signed",
    "sizeof",       "static",    "static_assert", "static_cast",
    "struct",       "switch",    "template",      "this",
    "thread_local", "throw",     "true",          "try",
    "typedef",      "typeid",    "typename",      "union",
    "unsigned",     "using",     "virtual",       "void",
    "volatile",     "wchar_t",   "while",         "xor",
    "xor_eq"};

// Sorted. Macros that common headers define.
constexpr std::array<std::string_view, 93> kMacros = {
    "BUFSIZ",       "CHAR_BIT",     "CHAR_MAX",   "CHAR_MIN",  "CLOCKS_PER_SEC",
    "DOMAIN",       "EACCES",       "EAGAIN",     "EBUSY",     "EDOM",
    "EEXIST",       "EINTR",        "EINVAL",     "EIO",       "ENOENT",
    "ENOMEM",       "EOF",          "EPERM",      "ERANGE",    "EXIT_FAILURE",
    "EXIT_SUCCESS", "FILENAME_MAX", "FOPEN_MAX",  "HUGE",      "HUGE_VAL",
    "INFINITY",     "INT16_MAX",    "INT16_MIN",  "INT32_MAX", "INT32_MIN",
    "INT64_MAX",    "INT64_MIN",    "INT8_MAX",   "INT8_MIN",  "INTMAX_MAX",
    "INTMAX_MIN",   "INTPTR_MAX",   "INTPTR_MIN", "INT_MAX",   "INT_MIN",
    "LLONG_MAX",    "LLONG_MIN",    "LONG_MAX",   "LONG_MIN",  "M_E",
    "M_PI",         "NAN",          "NULL",       "OVERFLOW",  "PLOSS",
    "PTRDIFF_MAX",  "PTRDIFF_MIN",  "RAND_MAX",   "SCHAR_MAX", "SCHAR_MIN",
    "SEEK_CUR",     "SEEK_END",     "SEEK_SET",   "SHRT_MAX",  "SHRT_MIN",
    "SING",         "SIZE_MAX",     "TLOSS",      "TMP_MAX",   "UCHAR_MAX",
    "UINT16_MAX",   "UINT32_MAX",   "UINT64_MAX", "UINT8_MAX", "UINTMAX_MAX",
    "UINTPTR_MAX",  "UINT_MAX",     "ULLONG_MAX", "ULONG_MAX", "UNDERFLOW",
    "USHRT_MAX",    "assert",       "errno",      "i386",      "linux",
    "major",        "makedev",      "minor",      "offsetof",  "setjmp",
    "stderr",       "stdin",        "stdout",     "unix",      "va_arg",
    "va_copy",      "va_end",       "va_start"};

/// Hands out names that differ from all names handed out before.
class NameScope {
 public:
  void reserve(std::string name) { taken_.insert(std::move(name)); }
  std::string take(std::string name) {
    while (!taken_.insert(name).second) name += '_';
    return name;
  }
  bool is_free(const std::string& name) const { return taken_.count(name) == 0; }

 private:
  std::set<std::string> taken_;
};

/// "BumpedHard" -> "bumped_hard".
std::string snake_case(std::string_view name) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool starts_word = is_upper(name[i]) && i > 0 && !is_upper(name[i - 1]);
    if (starts_word && result.back() != '_') result += '_';
    result += is_upper(name[i]) ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  return result;
}

/// Names that methods of a client or handler must not take: the classes' own, and what
/// echostream::Service declares.
void reserve_members(NameScope& scope) {
  for (const char* name : {"Client", "Handler", "info", "dispatch", "channel_"}) {
    scope.reserve(name);
  }
}

std::vector<MethodNames> name_methods(const ServiceModel& service) {
  NameScope scope;
  reserve_members(scope);
  std::vector<MethodNames> names(service.methods.size());
  // Methods that can keep their names come first, so that no escaped name takes one away.
  const auto keeps_name = [](const std::string& name) {
    NameScope reserved;
    reserve_members(reserved);
    return escape(name) == name && reserved.is_free(name);
  };
  for (const bool kept : {true, false}) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string& name = service.methods[i].name;
      if (keeps_name(name) == kept) names[i].method = scope.take(escape(name));
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const MethodModel& method = service.methods[i];
    if (method.kind != MethodKind::kPublished) continue;
    names[i].publish = scope.take("Publish" + method.name);
    names[i].publisher = scope.take(snake_case(method.name) + "_publisher_");
  }
  return names;
}

/// "acme.v1" -> {"acme", "v1"}.
std::vector<std::string_view> parts_of(std::string_view dotted) {
  std::vector<std::string_view> parts;
  while (!dotted.empty()) {
    const std::size_t dot = std::min(dotted.find('.'), dotted.size());
    parts.push_back(dotted.substr(0, dot));
    dotted.remove_prefix(std::min(dot + 1, dotted.size()));
  }
  return parts;
}

/// "Outer.Inner" -> "Outer_Inner", the way protoc does it (escaped at every step).
std::string flatten(std::string_view path) {
  std::string result;
  for (const std::string_view part : parts_of(path)) {
    if (!result.empty()) result += '_';
    result += part;
    if (is_keyword(result)) result += '_';
  }
  return result;
}

char octal_digit(unsigned value) { return static_cast<char>('0' + (value & 7U)); }

}  // namespace

bool is_keyword(std::string_view word) {
  return std::binary_search(kKeywords.begin(), kKeywords.end(), word);
}

std::string escape(std::string_view word) {
  const bool is_macro = std::binary_search(kMacros.begin(), kMacros.end(), word);
  return std::string(word) + (is_macro || is_keyword(word) ? "_" : "");
}

std::string keyword_in_package(std::string_view package) {
  for (const std::string_view part : parts_of(package)) {
    if (is_keyword(part)) return std::string(part);
  }
  return {};
}

std::string namespace_of(std::string_view package) {
  std::string result;
  for (const std::string_view part : parts_of(package)) {
    if (!result.empty()) result += "::";
    result += part;
    if (is_keyword(part)) result += '_';
  }
  return result;
}

std::string type_name(const TypeName& type) {
  const std::string scope = namespace_of(type.package);
  return (scope.empty() ? "::" : "::" + scope + "::") + flatten(type.path);
}

std::string output_path(std::string_view proto_path, std::string_view suffix) {
  for (const std::string_view extension : {".protodevel", ".proto"}) {
    if (proto_path.size() > extension.size() &&
        proto_path.substr(proto_path.size() - extension.size()) == extension) {
      proto_path.remove_suffix(extension.size());
      break;
    }
  }
  return std::string(proto_path) + std::string(suffix);
}

std::string string_literal(std::string_view bytes) {
  std::string result = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (byte >= 0x20 && byte < 0x7f && c != '?') {  // '?' could begin a trigraph
      result += c;
    } else {
      result += {'\\', octal_digit(byte >> 6U), octal_digit(byte >> 3U), octal_digit(byte)};
    }
  }
  return result + '"';
}

namespace {

// A backslash at the end, or the trigraph that means one, would make the next line of code part of
// the comment.
std::string_view without_continuation(std::string_view line) {
  while (line.ends_with('\\') || line.ends_with(' ') || line.ends_with("?\?/")) {
    line.remove_suffix(line.ends_with('/') ? 3 : 1);
  }
  return line;
}

}  // namespace

std::string doc_comment(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = without_continuation(text.substr(0, end));
    result += "///";
    if (!line.empty()) result += ' ';
    result += line;
    result += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::vector<ServiceNames> name_services(const FileModel& file) {
  NameScope scope;
  for (const std::string& path : file.type_paths) scope.reserve(flatten(path));
  // A class cannot have a member with its own name.
  for (const char* name : {"Client", "Handler", "info"}) scope.reserve(name);
  if (file.package.empty()) {
    for (const char* name : {"echostream", "google", "main", "std"}) scope.reserve(name);
  }
  std::vector<ServiceNames> names(file.services.size());
  for (const bool kept : {true, false}) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string& name = file.services[i].name;
      const bool keeps_name = escape(name) == name && scope.is_free(name);
      if (kept ? keeps_name : names[i].service.empty()) names[i].service = scope.take(escape(name));
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i].info_constant = scope.take("k" + names[i].service + "Info");
    names[i].method_table = scope.take("k" + names[i].service + "Methods");
    names[i].methods = name_methods(file.services[i]);
  }
  return names;
}

}  // namespace echostream::compiler::cpp
