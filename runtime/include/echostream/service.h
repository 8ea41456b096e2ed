// The base of every generated Handler.
#pragma once

#include <cstddef>

#include "echostream/base/task.h"
#include "echostream/method.h"

namespace echostream {

namespace internal {
class ServerCall;
}

/// A service that a node serves: Node::serve(). The node's loop calls it, for all sessions.
class Service {
 public:
  virtual ~Service() = default;
  virtual const ServiceInfo& info() const = 0;

 private:
  friend class internal::ServerCall;
  /// Runs the method with that index in info().methods.
  virtual Task<void> dispatch(std::size_t method, internal::ServerCall& call) = 0;
};

}  // namespace echostream
