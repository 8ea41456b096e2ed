// The subscribers of one published event, on the publishing side. Not for direct use.
#pragma once

#include <google/protobuf/message_lite.h>

#include <functional>
#include <memory>

#include "echostream/base/task.h"
#include "echostream/internal/server_call.h"
#include "echostream/method.h"

namespace echostream::internal {

/// Encodes each event once, hands it to every subscriber whose filter lets it pass, keeps the last
/// ones for those who come later, and keeps slow subscribers from holding up the rest. One loop.
class Publisher {
 public:
  using Accepts = std::function<bool(const google::protobuf::MessageLite& filter,
                                     const google::protobuf::MessageLite& event)>;
  Publisher(const MethodInfo& method, Accepts accepts);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void publish(const google::protobuf::MessageLite& event);
  /// A subscriber's call, until it ends.
  Task<void> serve(ServerCall& call, std::unique_ptr<google::protobuf::MessageLite> filter);
  std::size_t subscriber_count() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace echostream::internal
