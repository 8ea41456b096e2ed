// A shared pointer to what never leaves its loop.
#pragma once

#include <cstddef>
#include <utility>

namespace echostream::internal {

/// What a LocalPtr points to derives from this.
class LocalCounted {
 protected:
  LocalCounted() noexcept = default;
  // Each object has its own references.
  LocalCounted(const LocalCounted&) noexcept {}
  LocalCounted& operator=(const LocalCounted&) noexcept { return *this; }
  ~LocalCounted() = default;

 private:
  template <class T>
  friend class LocalPtr;
  mutable std::size_t references_ = 0;
};

/// As std::shared_ptr, but its count is a plain number: all copies stay on one thread. Those of
/// std::shared_ptr lock the bus as soon as the program has a second thread.
template <class T>
class LocalPtr {
 public:
  LocalPtr() noexcept = default;
  /// `object` was made with new, and is deleted with the last of its pointers.
  explicit LocalPtr(T* object) noexcept : object_(object) { add(); }
  LocalPtr(const LocalPtr& other) noexcept : object_(other.object_) { add(); }
  LocalPtr(LocalPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  LocalPtr& operator=(LocalPtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~LocalPtr() {
    if (object_ != nullptr) release();
  }

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const LocalPtr&, const LocalPtr&) = default;

 private:
  void add() noexcept {
    if (object_ != nullptr) ++object_->references_;
  }
  void release() noexcept {
    if (--object_->references_ == 0) delete object_;
  }
  T* object_ = nullptr;
};

}  // namespace echostream::internal
