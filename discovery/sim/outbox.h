// Call backs from the ready queue, which may destroy whoever makes them.
#pragma once

#include <list>
#include <memory>
#include <utility>

#include "echostream/loop.h"

namespace echostream::discovery::testing {

template <class Value, class Callback>
class Outbox final : public ReadyNode {
 public:
  Outbox(Loop& loop, Callback callback)
      : loop_(loop), callback_(std::make_shared<Callback>(std::move(callback))) {}

  void push(Value value) {
    if (is_closed_) return;
    waiting_.push_back(std::move(value));
    loop_.schedule(*this);
  }
  /// Nothing comes after it.
  void push_last(Value value) {
    push(std::move(value));
    is_closed_ = true;
  }
  bool is_closed() const { return is_closed_; }

 private:
  void on_ready() override {
    const auto callback = callback_;  // outlives this object
    Value value = std::move(waiting_.front());
    waiting_.pop_front();
    if (!waiting_.empty()) loop_.schedule(*this);
    (*callback)(std::move(value));
  }

  Loop& loop_;
  std::shared_ptr<Callback> callback_;
  std::list<Value> waiting_;
  bool is_closed_ = false;
};

}  // namespace echostream::discovery::testing
