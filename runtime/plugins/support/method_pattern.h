// Which methods a rule of a configuration means.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echostream/base/result.h"
#include "echostream/method.h"

namespace echostream::plugins {

/// "acme.v1.Robot/Grip" is one method, "acme.v1.Robot/*" a service, "acme.v1.*" all services whose
/// name begins with "acme.v1.", "*" everything.
class MethodPattern {
 public:
  static Result<MethodPattern> parse(std::string_view text) {
    const auto is_allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.' || c == '/';
    };
    std::string_view exact = text;
    const bool is_prefix = exact.ends_with('*');
    if (is_prefix) exact.remove_suffix(1);
    bool is_good = exact.size() <= 512;
    for (const char c : exact) is_good = is_good && is_allowed(c);
    const std::size_t slash = exact.find('/');
    if (is_prefix) {
      is_good = is_good && (exact.empty() || exact.ends_with('.') || exact.ends_with('/'));
    } else {
      is_good = is_good && slash != std::string_view::npos && slash > 0 && slash + 1 < exact.size();
    }
    if (slash != std::string_view::npos) {
      is_good = is_good && slash > 0 && exact.find('/', slash + 1) == std::string_view::npos;
    }
    if (!is_good) {
      return Status(StatusCode::kInvalidArgument,
                    "'" + printable(text) +
                        "' names no methods; write \"package.Service/Method\", "
                        "\"package.Service/*\", \"package.*\" or \"*\"");
    }
    return MethodPattern(std::string(exact), is_prefix);
  }

  bool matches(std::string_view full_name) const {
    return is_prefix_ ? full_name.starts_with(text_) : full_name == text_;
  }
  std::string to_string() const { return is_prefix_ ? text_ + "*" : text_; }

 private:
  MethodPattern(std::string text, bool is_prefix) : text_(std::move(text)), is_prefix_(is_prefix) {}
  static std::string printable(std::string_view text) {
    std::string out(text.substr(0, 100));
    for (char& c : out) {
      if (c < 0x20 || c > 0x7e) c = '?';
    }
    return out;
  }

  std::string text_;
  bool is_prefix_;
};

/// Several of them; what one of them matches is meant.
class MethodPatterns {
 public:
  static Result<MethodPatterns> parse(const std::vector<std::string>& texts) {
    MethodPatterns patterns;
    for (const std::string& text : texts) {
      auto pattern = MethodPattern::parse(text);
      if (!pattern) return std::move(pattern).error();
      patterns.patterns_.push_back(*std::move(pattern));
    }
    if (patterns.patterns_.empty()) {
      return Status(StatusCode::kInvalidArgument, "names no methods; \"*\" means all of them");
    }
    return patterns;
  }
  bool matches(std::string_view full_name) const {
    for (const MethodPattern& pattern : patterns_) {
      if (pattern.matches(full_name)) return true;
    }
    return false;
  }
  const std::vector<MethodPattern>& patterns() const { return patterns_; }

 private:
  std::vector<MethodPattern> patterns_;
};

/// Finds what a configuration says of methods that nobody serves: most likely a slip of the pen.
class UnmatchedPatterns {
 public:
  explicit UnmatchedPatterns(std::vector<MethodPattern> patterns)
      : patterns_(std::move(patterns)), matched_(patterns_.size(), false) {}

  void saw(const ServiceInfo& service) {
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      for (const MethodInfo& method : service.methods) {
        if (patterns_[i].matches(method.full_name)) matched_[i] = true;
      }
    }
  }
  /// Those that matched no method of a service that was seen.
  std::vector<std::string> take() {
    std::vector<std::string> left;
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      if (!matched_[i]) left.push_back(patterns_[i].to_string());
    }
    patterns_.clear();
    matched_.clear();
    return left;
  }

 private:
  std::vector<MethodPattern> patterns_;
  std::vector<bool> matched_;
};

}  // namespace echostream::plugins
