// What a recording says of a method, so that it can be served again without the program that
// recorded it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "echostream/base/result.h"
#include "echostream/method.h"

#include "runtime/plugins/recorder/mcap/format.h"

namespace echostream::recorder {

/// A MethodInfo that holds its own text.
class RecordedMethod {
 public:
  explicit RecordedMethod(std::string full_name) : full_name_(std::move(full_name)) {}
  RecordedMethod(const RecordedMethod&) = delete;
  RecordedMethod& operator=(const RecordedMethod&) = delete;

  /// "acme.v1.Robot".
  std::string_view service() const;
  MethodInfo info() const;
  /// What is on the wire and what a server decides by. The names are those of a channel's metadata.
  Status set(std::string_view key, std::string_view value);

 private:
  std::string full_name_;
  MethodInfo info_;
};

/// "method", "method_id", "kind" and so on, for a channel's metadata.
mcap::StringMap describe_method(const MethodInfo& method);

}  // namespace echostream::recorder
