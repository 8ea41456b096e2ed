#include "tools/echostream/call/method_command.h"

#include <utility>

namespace echostream::tool {

MethodCommand::MethodCommand(CLI::App& command, const std::string& explanation)
    : RemoteCommand(command, explanation) {
  app()
      .add_option("METHOD", method_,
                  "package.Service/Method, or the end of that: Service/Method, Method")
      ->required();
  app().add_option("-d,--data", data_,
                   "the request: JSON, @FILE with JSON, or - for what is piped in [{}]");
  dial_options().add_call_options();
}

Status MethodCommand::check() {
  auto source = MessageSource::open(data_);
  if (!source) return source.error();
  source_.emplace(*std::move(source));
  return Status::ok();
}

Task<Status> MethodCommand::use(Loop& loop, Remote& remote) {
  auto schema = co_await dial_options().schema(remote);
  if (!schema) co_return schema.error();
  auto method = schema->find_method(method_);
  if (!method) co_return method.error();
  if (Status fits = check_kind(**method); !fits.is_ok()) co_return fits;
  Status status = co_await use_method(loop, remote, *schema, **method);
  co_return status;
}

}  // namespace echostream::tool
