#include "tools/echostream/command.h"

#include <iostream>

namespace echostream::tool {

int Command::report(const Status& status) const {
  if (status.is_ok()) return kDone;
  std::cerr << full_name(app_) << ": " << status.message() << '\n';
  return status.code() == StatusCode::kInvalidArgument ? kWrongUsage : kFailure;
}

std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

}  // namespace echostream::tool
