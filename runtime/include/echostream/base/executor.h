// What a coroutine needs of the loop it runs on: a ready queue, timers, the time, and post() for
// other threads. The real loop (libuv) and the simulator implement it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "echostream/base/time.h"
#include "echostream/base/unique_function.h"

namespace echostream {

/// Something the ready queue can run. Intrusive: the queue allocates nothing, and destroying a node
/// takes it out of the queue, which is what makes dropping a suspended coroutine safe.
class ReadyNode {
 public:
  ReadyNode() noexcept = default;
  ReadyNode(const ReadyNode&) = delete;
  ReadyNode& operator=(const ReadyNode&) = delete;

  bool is_scheduled() const noexcept { return next_ != nullptr; }

 protected:
  virtual ~ReadyNode() {
    if (is_scheduled()) unlink();
  }
  /// Runs from the queue, after the node was taken out. May destroy the node.
  virtual void on_ready() = 0;

 private:
  friend class ReadyQueue;
  void unlink() noexcept;
  ReadyNode* next_ = nullptr;
  ReadyNode* previous_ = nullptr;
};

/// First in, first out. One thread.
class ReadyQueue {
 public:
  ReadyQueue() noexcept;
  ~ReadyQueue();
  ReadyQueue(const ReadyQueue&) = delete;
  ReadyQueue& operator=(const ReadyQueue&) = delete;

  /// Appends; a node that waits already keeps its place.
  void push(ReadyNode& node) noexcept;
  bool empty() const noexcept { return head_.next_ == &head_; }
  /// Runs nodes until the queue is empty or `most` have run, those pushed meanwhile included.
  /// Returns how many ran.
  std::size_t run(std::size_t most);

 private:
  struct Head final : ReadyNode {
    void on_ready() override {}
    using ReadyNode::ReadyNode;
  };
  ReadyNode& head_;
  Head storage_;
};

class TimerQueue;

/// A timer that its owner embeds. Destroying it disarms it.
class TimerNode {
 public:
  TimerNode() noexcept = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

  bool is_armed() const noexcept { return queue_ != nullptr; }
  LocalTime deadline() const noexcept { return deadline_; }
  void disarm() noexcept;

 protected:
  virtual ~TimerNode() { disarm(); }
  /// Called once, disarmed, at or after the deadline. May arm itself again, or destroy the node.
  virtual void on_timer(LocalTime now) = 0;

 private:
  friend class TimerQueue;
  TimerQueue* queue_ = nullptr;
  std::size_t index_ = 0;
  std::uint64_t order_ = 0;
  LocalTime deadline_ = kNever;
};

/// A binary heap of timers: earliest deadline first, equal deadlines in the order they were armed.
class TimerQueue {
 public:
  TimerQueue() = default;
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  /// Arms or moves; `deadline` of kNever disarms.
  void arm(TimerNode& node, LocalTime deadline);
  /// kNever when no timer is armed.
  LocalTime next_deadline() const noexcept;
  /// Fires what is due at `now`; timers armed meanwhile with a deadline <= now wait for the next
  /// call.
  std::size_t fire(LocalTime now);
  std::size_t size() const noexcept { return heap_.size(); }

 private:
  friend class TimerNode;
  static bool before(const TimerNode& a, const TimerNode& b) noexcept;
  void place(std::size_t index, TimerNode* node) noexcept;
  void sift_up(std::size_t index) noexcept;
  void sift_down(std::size_t index) noexcept;
  void remove(TimerNode& node) noexcept;

  std::vector<TimerNode*> heap_;
  std::uint64_t next_order_ = 0;
};

/// The loop as coroutines see it. Every method but post() belongs to the loop's own thread.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual LocalTime now() const = 0;
  /// Puts the node at the end of the ready queue.
  virtual void schedule(ReadyNode& node) = 0;
  /// Runs the node when nothing else is ready, before the loop waits: the place for work that is
  /// cheaper done once for many, such as sending. Where very many are ready it may run between
  /// them: what waits to be sent should not wait for them all.
  virtual void schedule_last(ReadyNode& node) { schedule(node); }
  /// Arms the timer, or moves it; kNever disarms.
  virtual void arm(TimerNode& node, LocalTime deadline) = 0;
  /// Runs `function` on the loop's thread soon. Thread-safe: the only way in from other threads.
  virtual void post(UniqueFunction<void()> function) = 0;
};

}  // namespace echostream
