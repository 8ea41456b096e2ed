// The messages of a request as they were given with --data: JSON in the option itself, in a file,
// or piped in, one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "echostream/base/bytes.h"
#include "echostream/base/result.h"
#include "echostream/base/task.h"
#include "echostream/loop.h"

#include "tools/echostream/io/input_stream.h"
#include "tools/echostream/io/json_splitter.h"
#include "tools/echostream/remote/schema.h"

namespace echostream::tool {

class MessageSource {
 public:
  /// `data`: JSON, "@FILE", or "-" for what is piped in.
  static Result<MessageSource> open(const std::string& data);

  /// The next one, encoded; none at the end. INVALID_ARGUMENT: file, line and column, and what is
  /// wrong. `schema` and `method` must outlive the task.
  Task<Result<std::optional<Buffer>>> next(Loop& loop, const Schema& schema,
                                           const SchemaMethod& method);
  /// For requests of one message: that one, or an empty one where there is none. INVALID_ARGUMENT
  /// when there are more.
  Task<Result<Buffer>> only(Loop& loop, const Schema& schema, const SchemaMethod& method);

 private:
  explicit MessageSource(std::string name) : name_(std::move(name)) {}

  Status wrong(const Status& status) const;

  std::string name_;
  std::optional<InputStream> input_;
  JsonSplitter splitter_;
};

}  // namespace echostream::tool
