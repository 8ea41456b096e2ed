#include "runtime/plugins/logging/line.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "runtime/plugins/text/json.h"

namespace echostream::internal {
namespace {

// Whether a value needs no quotes in text.
bool is_plain(std::string_view value) {
  return !value.empty() && value.size() <= Line::kMostValue &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return c > ' ' && c <= '~' && c != '"' && c != '\\' && c != '=';
         });
}

}  // namespace

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

void append_time(std::string& out, WallTime time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto micros = std::chrono::floor<std::chrono::microseconds>(since - seconds).count();
  const std::time_t whole = seconds.count();
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  out.append(text, length);
  std::snprintf(text, sizeof text, ".%06dZ", static_cast<int>(micros));
  out += text;
}

Line::Line(LogFormat format, WallTime time, LogLevel level, std::string_view event)
    : format_(format) {
  out_.reserve(256);
  if (format == LogFormat::kText) {
    out_ += event;
    return;
  }
  out_ += "{\"time\":\"";
  append_time(out_, time);
  out_ += "\",\"level\":\"";
  out_ += name_of(level);
  out_ += "\",\"event\":\"";
  out_ += event;
  out_ += '"';
}

void Line::begin(std::string_view key) {
  out_ += format_ == LogFormat::kJson ? ",\"" : " ";
  out_ += key;
  out_ += format_ == LogFormat::kJson ? "\":" : "=";
}

Line& Line::text(std::string_view key, std::string_view value) {
  begin(key);
  if (format_ == LogFormat::kText && is_plain(value)) {
    out_ += value;
  } else {
    append_json_string(out_, value, kMostValue);
  }
  return *this;
}

Line& Line::number(std::string_view key, std::uint64_t value) {
  begin(key);
  out_ += std::to_string(value);
  return *this;
}

Line& Line::milliseconds(std::string_view key, Duration value) {
  begin(key);
  char text[48];
  std::snprintf(text, sizeof text, "%.3f",
                std::chrono::duration<double, std::milli>(value).count());
  out_ += text;
  return *this;
}

std::string Line::finish() && {
  if (format_ == LogFormat::kJson) out_ += '}';
  return std::move(out_);
}

}  // namespace echostream::internal
