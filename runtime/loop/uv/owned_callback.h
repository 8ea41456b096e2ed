// A user's function that is called again and again, and may destroy its owner, and with it itself,
// while it runs.
#pragma once

#include <utility>

#include "echostream/base/unique_function.h"

namespace echostream::internal {

template <class... Args>
class OwnedCallback {
 public:
  explicit OwnedCallback(UniqueFunction<void(Args...)> function) noexcept
      : function_(std::move(function)) {}
  OwnedCallback(const OwnedCallback&) = delete;
  OwnedCallback& operator=(const OwnedCallback&) = delete;
  ~OwnedCallback() {
    if (is_destroyed_ != nullptr) *is_destroyed_ = true;
  }

  /// False when the call destroyed this object.
  bool operator()(Args... args) {
    bool is_destroyed = false;
    is_destroyed_ = &is_destroyed;
    // What runs is not a member: it lives until it returns.
    UniqueFunction<void(Args...)> running = std::move(function_);
    running(args...);
    if (is_destroyed) return false;
    function_ = std::move(running);
    is_destroyed_ = nullptr;
    return true;
  }

 private:
  UniqueFunction<void(Args...)> function_;
  bool* is_destroyed_ = nullptr;
};

}  // namespace echostream::internal
