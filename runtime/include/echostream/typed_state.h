// Values that plugins and middleware keep beside a node, a session or a call, found by their type.
#pragma once

#include <memory>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

namespace echostream {

/// At most one value of each type. Each plugin uses a type of its own, so that nobody meets another
/// one's. The values live as long as what they belong to; the last one made goes first. One thread:
/// the loop's.
class TypedState {
 public:
  TypedState() noexcept = default;
  TypedState(const TypedState&) = delete;
  TypedState& operator=(const TypedState&) = delete;
  ~TypedState() {
    while (!values_.empty()) values_.pop_back();
  }

  /// Null when there is none. Stays valid until emplace() or erase() of the same type.
  template <class T>
  T* get() const noexcept {
    for (const Entry& entry : values_) {
      if (entry.type == std::type_index(typeid(T))) return static_cast<T*>(entry.value.get());
    }
    return nullptr;
  }
  /// Makes one, in place of the one that is there.
  template <class T, class... Arguments>
  T& emplace(Arguments&&... arguments) {
    erase<T>();
    auto value = std::make_shared<T>(std::forward<Arguments>(arguments)...);
    T& made = *value;
    values_.push_back({std::type_index(typeid(T)), std::move(value)});
    return made;
  }
  /// The one that is there, or a new one.
  template <class T>
  T& get_or_emplace() {
    T* found = get<T>();
    return found != nullptr ? *found : emplace<T>();
  }
  template <class T>
  void erase() {
    std::erase_if(values_,
                  [](const Entry& entry) { return entry.type == std::type_index(typeid(T)); });
  }

 private:
  struct Entry {
    std::type_index type;
    std::shared_ptr<void> value;
  };
  std::vector<Entry> values_;
};

}  // namespace echostream
