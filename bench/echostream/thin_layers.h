// Middleware that does next to nothing: what the layers themselves cost.
#pragma once

#include <cstdint>
#include <memory>

#include "echostream/middleware.h"
#include "echostream/node.h"

namespace bench {

class ThinLayer final : public echostream::Middleware {
 public:
  std::string_view name() const override { return "thin"; }
  echostream::Task<echostream::Status> call(echostream::InterceptedCall&,
                                            echostream::Next next) override {
    return count(next);
  }
  echostream::Task<echostream::Status> serve(echostream::InterceptedCall&,
                                             echostream::Next next) override {
    return count(next);
  }

 private:
  echostream::Task<echostream::Status> count(echostream::Next next) {
    echostream::Status status = co_await next();
    ++(status.is_ok() ? succeeded_ : failed_);
    co_return status;
  }
  std::uint64_t succeeded_ = 0;
  std::uint64_t failed_ = 0;
};

inline void add_thin_layers(echostream::Node& node, unsigned count) {
  for (unsigned i = 0; i < count; ++i) node.add_middleware(std::make_shared<ThinLayer>());
}

}  // namespace bench
