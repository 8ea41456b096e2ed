#include "tools/echostream/call/message_source.h"

#include <utility>

namespace echostream::tool {

Result<MessageSource> MessageSource::open(const std::string& data) {
  const bool is_file = data.starts_with('@');
  if (!is_file && data != "-") {
    MessageSource source("--data");
    source.splitter_.feed(data);
    source.splitter_.finish();
    return source;
  }
  const std::string path = is_file ? data.substr(1) : data;
  auto input = InputStream::open(path);
  if (!input) return input.error();
  MessageSource source(is_file ? path : "standard input");
  source.input_.emplace(*std::move(input));
  return source;
}

Task<Result<std::optional<Buffer>>> MessageSource::next(Loop& loop, const Schema& schema,
                                                        const SchemaMethod& method) {
  for (;;) {
    auto json = splitter_.next();
    if (!json) co_return wrong(json.error());
    if (*json) {
      auto message = schema.request_from_json(method, **json);
      if (!message) co_return wrong(message.error());
      co_return std::optional<Buffer>(*std::move(message));
    }
    if (!input_) co_return std::optional<Buffer>();
    auto piece = co_await input_->read(loop);
    if (!piece) co_return piece.error();
    if (piece->empty()) {
      splitter_.finish();
      input_.reset();
    } else {
      splitter_.feed(*piece);
    }
  }
}

Task<Result<Buffer>> MessageSource::only(Loop& loop, const Schema& schema,
                                         const SchemaMethod& method) {
  auto first = co_await next(loop, schema, method);
  if (!first) co_return first.error();
  if (!*first) co_return Buffer();
  auto second = co_await next(loop, schema, method);
  if (!second) co_return second.error();
  if (*second) {
    co_return Status(StatusCode::kInvalidArgument,
                     name_ + ": the request is one message, and there are more");
  }
  co_return **std::move(first);
}

Status MessageSource::wrong(const Status& status) const {
  const std::size_t left_out = splitter_.lines_left_out();
  const std::string place =
      left_out == 0 ? name_ : name_ + ", counted from line " + std::to_string(left_out + 1);
  // Over a limit is what was given, and not what could not be done with it.
  const bool is_over_limit = status.code() == StatusCode::kResourceExhausted;
  return Status(is_over_limit ? StatusCode::kInvalidArgument : status.code(),
                std::string(status.message()))
      .with_context(place);
}

}  // namespace echostream::tool
