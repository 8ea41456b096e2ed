#include "bench/echostream/wide_service.h"

#include <utility>

namespace bench {

WideService::WideService(std::size_t methods) {
  for (std::size_t i = 0; i < methods; ++i) {
    const std::string& name = names_.emplace_back("bench.v1.Wide/Echo" + std::to_string(i));
    echostream::MethodInfo method;
    method.full_name = name;
    method.name = method.full_name.substr(method.full_name.find('/') + 1);
    // Spread over all ids, as the hashes are that a generated table has. Odd factors lose nothing.
    constexpr std::uint64_t kMostId = (std::uint64_t{1} << 62) - 1;
    method.id = (i + 1) * 0x9e3779b97f4a7c15 & kMostId;
    methods_.push_back(method);
  }
  info_.full_name = "bench.v1.Wide";
  info_.methods = methods_;
}

echostream::Task<void> WideService::dispatch(std::size_t, echostream::internal::ServerCall& call) {
  return echostream::internal::serve_rpc(call, *this, &WideService::echo);
}

echostream::Task<echostream::Result<v1::Blob>> WideService::echo(echostream::Call&,
                                                                 v1::Blob request) {
  co_return std::move(request);
}

}  // namespace bench
