// What several nodes of a process share because their settings are the same: one file, one page.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "echostream/base/result.h"

namespace echostream::internal {

/// Any thread. Keeps nothing alive.
template <class T>
class SharedBySettings {
 public:
  template <class Settings, class Make>
  Result<std::shared_ptr<T>> get(const Settings& settings, Make&& make) {
    const std::lock_guard lock(mutex_);
    std::erase_if(made_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<T>& made = made_[settings.SerializeAsString()];
    if (auto shared = made.lock()) return shared;
    Result<std::shared_ptr<T>> fresh = make();
    if (fresh) made = *fresh;
    return fresh;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<T>> made_;
};

}  // namespace echostream::internal
