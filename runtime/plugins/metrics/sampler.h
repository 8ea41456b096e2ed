// Looks at things in turn, each once a second, a few at a time.
#pragma once

#include <cstddef>

#include "echostream/base/executor.h"
#include "echostream/base/unique_function.h"

namespace echostream::internal {

class Sampler;

/// Something to look at. Leaves its sampler when it is destroyed.
class Sampled {
 public:
  Sampled() noexcept = default;
  Sampled(const Sampled&) = delete;
  Sampled& operator=(const Sampled&) = delete;

 protected:
  virtual ~Sampled() { leave(); }
  void leave() noexcept;
  /// Must not add or destroy anything sampled.
  virtual void sample() = 0;

 private:
  friend class Sampler;
  Sampler* sampler_ = nullptr;
  Sampled* next_ = nullptr;
  Sampled* previous_ = nullptr;
};

/// Ten thousand sessions looked at in one go would stop the loop for tens of milliseconds: the more
/// there are, the more often a few of them are. Outlives what it samples, or forgets it.
class Sampler final : public TimerNode {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr std::size_t kMostAtOnce = 32;

  /// `every_second` is called too. Starts at once.
  Sampler(Executor& executor, UniqueFunction<void()> every_second);
  ~Sampler() override;

  void add(Sampled& sampled) noexcept;
  std::size_t size() const noexcept { return size_; }

 private:
  friend class Sampled;
  void on_timer(LocalTime now) override;
  void append(Sampled& sampled) noexcept;
  void remove(Sampled& sampled) noexcept;

  Executor& executor_;
  UniqueFunction<void()> every_second_;
  LocalTime next_second_;
  Sampled* first_ = nullptr;
  Sampled* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace echostream::internal
