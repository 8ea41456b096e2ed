// A value or the Status that says why there is none, with the names of std::expected (C++23), which
// the compilers we support do not have in C++20 mode.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "echostream/base/check.h"
#include "echostream/base/status.h"

namespace echostream {

/// Holds a T, or an error. Converts implicitly from both, so that a function can `return value;` or
/// `return Status(...)`. Reading the value of an error aborts with the error's text.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Status;

  template <class U = T>
  requires(std::is_constructible_v<T, U&&> && !std::is_same_v<std::remove_cvref_t<U>, Status> &&
           !std::is_same_v<std::remove_cvref_t<U>, Result>) Result(U&& value)
      : value_(std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor)

  Result(Status error) : error_(std::move(error)) {  // NOLINT(google-explicit-constructor)
    // A slip of the program, often in a handler: it costs one call, not the process.
    if (error_.is_ok()) {
      error_ = Status(StatusCode::kInternal, "a Result was made of an OK status, without a value");
    }
  }

  bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & { return checked(), *value_; }
  const T& value() const& { return checked(), *value_; }
  T&& value() && { return checked(), *std::move(value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  template <class U>
  T value_or(U&& fallback) const& {
    return has_value() ? *value_ : static_cast<T>(std::forward<U>(fallback));
  }
  template <class U>
  T value_or(U&& fallback) && {
    return has_value() ? *std::move(value_) : static_cast<T>(std::forward<U>(fallback));
  }

  /// The error; only when has_value() is false.
  const Status& error() const& {
    ECHOSTREAM_CHECK(!has_value(), "error() of a Result that has a value");
    return error_;
  }
  Status&& error() && {
    ECHOSTREAM_CHECK(!has_value(), "error() of a Result that has a value");
    return std::move(error_);
  }
  /// OK, or the error.
  Status status() const { return has_value() ? Status() : error_; }

 private:
  void checked() const {
    if (!has_value()) [[unlikely]] {
      internal::check_failed("result", 0, "has_value()", error_.to_string().c_str());
    }
  }

  std::optional<T> value_;
  Status error_;
};

}  // namespace echostream
