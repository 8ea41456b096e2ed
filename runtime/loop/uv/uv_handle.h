// Owns one libuv handle. libuv uses a handle until its close callback, so the memory is freed
// there, which may be after this object is gone.
#pragma once

#include <uv.h>

#include <memory>
#include <utility>

namespace echostream::internal {

template <class Handle>
class UvHandle {
 public:
  UvHandle() noexcept = default;
  UvHandle(const UvHandle&) = delete;
  UvHandle& operator=(const UvHandle&) = delete;
  ~UvHandle() { close(); }

  /// Calls `init(Handle*)`, which calls the uv_*_init of the type; returns what that returned. The
  /// object owns nothing when it failed.
  template <class Init>
  int open(void* data, Init&& init) {
    auto handle = std::make_unique<Handle>();
    const int error = std::forward<Init>(init)(handle.get());
    if (error != 0) return error;
    handle->data = data;
    handle_ = handle.release();
    return 0;
  }
  /// No callback of the handle runs after this.
  void close() noexcept {
    Handle* handle = std::exchange(handle_, nullptr);
    if (handle == nullptr) return;
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
  }
  bool is_open() const noexcept { return handle_ != nullptr; }
  Handle* get() const noexcept { return handle_; }

 private:
  Handle* handle_ = nullptr;
};

}  // namespace echostream::internal
