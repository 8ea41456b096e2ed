// A service of many methods, made without a .proto: what the number of methods costs does not
// depend on who wrote their table.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "echostream/generated_support.h"

#include "bench.echostream.h"

namespace bench {

/// Each method returns what it got, as Bench.Echo does.
class WideService final : public echostream::Service {
 public:
  explicit WideService(std::size_t methods);
  const echostream::ServiceInfo& info() const override { return info_; }

 private:
  echostream::Task<void> dispatch(std::size_t method,
                                  echostream::internal::ServerCall& call) override;
  echostream::Task<echostream::Result<v1::Blob>> echo(echostream::Call& call, v1::Blob request);

  std::deque<std::string> names_;
  std::vector<echostream::MethodInfo> methods_;
  echostream::ServiceInfo info_;
};

}  // namespace bench
