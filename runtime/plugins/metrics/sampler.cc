#include "runtime/plugins/metrics/sampler.h"

#include <algorithm>
#include <utility>

namespace echostream::internal {

void Sampled::leave() noexcept {
  if (sampler_ == nullptr) return;
  sampler_->remove(*this);
  sampler_ = nullptr;
}

Sampler::Sampler(Executor& executor, UniqueFunction<void()> every_second)
    : executor_(executor),
      every_second_(std::move(every_second)),
      next_second_(executor.now() + kInterval) {
  executor_.arm(*this, next_second_);
}

Sampler::~Sampler() {
  disarm();
  for (Sampled* one = first_; one != nullptr; one = one->next_) one->sampler_ = nullptr;
}

void Sampler::add(Sampled& sampled) noexcept {
  sampled.sampler_ = this;
  append(sampled);
}

void Sampler::append(Sampled& sampled) noexcept {
  sampled.next_ = nullptr;
  sampled.previous_ = last_;
  (last_ != nullptr ? last_->next_ : first_) = &sampled;
  last_ = &sampled;
  ++size_;
}

void Sampler::remove(Sampled& sampled) noexcept {
  (sampled.previous_ != nullptr ? sampled.previous_->next_ : first_) = sampled.next_;
  (sampled.next_ != nullptr ? sampled.next_->previous_ : last_) = sampled.previous_;
  --size_;
}

void Sampler::on_timer(LocalTime now) {
  if (now >= next_second_) {
    next_second_ = now + kInterval;
    every_second_();
  }
  const std::size_t turns = std::max<std::size_t>(1, (size_ + kMostAtOnce - 1) / kMostAtOnce);
  // Those that are looked at go to the end, so that each has its turn once a second.
  for (std::size_t left = (size_ + turns - 1) / turns; left > 0; --left) {
    Sampled& one = *first_;
    one.sample();
    remove(one);
    append(one);
  }
  const Duration pause = kInterval / static_cast<Duration::rep>(turns);
  executor_.arm(*this, std::min(next_second_, now + pause));
}

}  // namespace echostream::internal
