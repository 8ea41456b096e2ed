#include "runtime/api/node_context.h"

#include <cstdio>
#include <exception>

namespace echostream::internal {

Status ServiceRegistry::check(const std::shared_ptr<Service>& service) const {
  if (!service) return {StatusCode::kInvalidArgument, "serve() was given no service"};
  for (const MethodInfo& method : service->info().methods) {
    if (const Entry* taken = find(method.id)) {
      return {StatusCode::kAlreadyExists, std::string(method.full_name) + " has the same id as " +
                                              std::string(taken->method->full_name) +
                                              ", which is served already"};
    }
  }
  return Status::ok();
}

Status ServiceRegistry::add(std::shared_ptr<Service> service) {
  if (Status status = check(service); !status.is_ok()) return status;
  const ServiceInfo& info = service->info();
  for (std::size_t i = 0; i < info.methods.size(); ++i) {
    methods_[info.methods[i].id] = {service, i, &info.methods[i]};
  }
  services_.push_back(std::move(service));
  return Status::ok();
}

const ServiceRegistry::Entry* ServiceRegistry::find(std::uint64_t method_id) const {
  const auto found = methods_.find(method_id);
  return found == methods_.end() ? nullptr : &found->second;
}

void Deferrer::defer(UniqueFunction<void()> function) {
  waiting_.push_back(std::move(function));
  executor_.schedule(*this);
}

void Deferrer::on_ready() {
  const std::weak_ptr<const bool> alive = alive_;
  // Only what waits now: a callback that defers more must not keep the loop here.
  for (std::size_t left = waiting_.size(); left > 0; --left) {
    UniqueFunction<void()> function = std::move(waiting_.front());
    waiting_.pop_front();
    try {
      function();
    } catch (...) {
      if (!alive.expired()) on_exception_();
    }
    if (alive.expired()) return;
  }
  if (!waiting_.empty()) executor_.schedule(*this);
}

std::string describe_exception() {
  try {
    throw;
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "something unknown";
  }
}

void NodeContext::log(LogLevel level, const std::string& text) const noexcept {
  if (options.log) {
    try {
      options.log(level, text);
      return;
    } catch (...) {
      // The line must not be lost with it.
      report_exception("NodeOptions::log");
    }
  }
  if (level >= LogLevel::kWarning) {
    std::fprintf(stderr, "echostream: %s: %s\n", level == LogLevel::kError ? "error" : "warning",
                 text.c_str());
  }
}

}  // namespace echostream::internal
