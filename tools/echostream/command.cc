#include "tools/echostream/command.h"

#include <iostream>

#include "tools/echostream/remote/status_text.h"

namespace echostream::tool {

void Command::add_json_flag(const std::string& help) { app_.add_flag("--json", json_, help); }

int Command::report(const Status& status) const {
  if (status.is_ok()) return kDone;
  if (json_) std::cout << status_json(status, {}) << std::endl;
  std::cerr << full_name(app_) << ": " << status.message() << '\n';
  return status.code() == StatusCode::kInvalidArgument ? kWrongUsage : kFailure;
}

std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

}  // namespace echostream::tool
