#include "echostream/base/executor.h"

#include "echostream/base/check.h"

namespace echostream {

void ReadyNode::unlink() noexcept {
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = previous_ = nullptr;
}

ReadyQueue::ReadyQueue() noexcept : head_(storage_) { head_.next_ = head_.previous_ = &head_; }

ReadyQueue::~ReadyQueue() {
  while (!empty()) head_.next_->unlink();
  head_.next_ = head_.previous_ = nullptr;
}

void ReadyQueue::push(ReadyNode& node) noexcept {
  if (node.is_scheduled()) return;
  node.previous_ = head_.previous_;
  node.next_ = &head_;
  head_.previous_->next_ = &node;
  head_.previous_ = &node;
}

std::size_t ReadyQueue::run(std::size_t most) {
  std::size_t count = 0;
  while (count < most && !empty()) {
    ReadyNode& node = *head_.next_;
    node.unlink();
    node.on_ready();
    ++count;
  }
  return count;
}

void TimerNode::disarm() noexcept {
  if (queue_ != nullptr) queue_->remove(*this);
}

TimerQueue::~TimerQueue() {
  for (TimerNode* node : heap_) node->queue_ = nullptr;
}

void TimerQueue::arm(TimerNode& node, LocalTime deadline) {
  if (deadline == kNever) {
    node.disarm();
    return;
  }
  ECHOSTREAM_CHECK(node.queue_ == nullptr || node.queue_ == this, "a timer moved between loops");
  const bool is_new = node.queue_ == nullptr;
  if (is_new) {
    heap_.push_back(&node);
    node.queue_ = this;
    node.index_ = heap_.size() - 1;
  }
  node.deadline_ = deadline;
  node.order_ = next_order_++;
  sift_up(node.index_);
  sift_down(node.index_);
}

LocalTime TimerQueue::next_deadline() const noexcept {
  return heap_.empty() ? kNever : heap_.front()->deadline_;
}

std::size_t TimerQueue::fire(LocalTime now) {
  const std::uint64_t armed_before = next_order_;
  std::size_t count = 0;
  while (!heap_.empty()) {
    TimerNode& node = *heap_.front();
    if (node.deadline_ > now || node.order_ >= armed_before) break;
    remove(node);
    node.on_timer(now);
    ++count;
  }
  return count;
}

bool TimerQueue::before(const TimerNode& a, const TimerNode& b) noexcept {
  return a.deadline_ != b.deadline_ ? a.deadline_ < b.deadline_ : a.order_ < b.order_;
}

void TimerQueue::place(std::size_t index, TimerNode* node) noexcept {
  heap_[index] = node;
  node->index_ = index;
}

void TimerQueue::sift_up(std::size_t index) noexcept {
  TimerNode* node = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!before(*node, *heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, node);
}

void TimerQueue::sift_down(std::size_t index) noexcept {
  TimerNode* node = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
    if (!before(*heap_[child], *node)) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, node);
}

void TimerQueue::remove(TimerNode& node) noexcept {
  const std::size_t index = node.index_;
  node.queue_ = nullptr;
  TimerNode* last = heap_.back();
  heap_.pop_back();
  if (last == &node) return;
  place(index, last);
  sift_up(last->index_);
  sift_down(last->index_);
}

}  // namespace echostream
