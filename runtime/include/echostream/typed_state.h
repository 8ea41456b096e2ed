// Values that plugins and middleware keep beside a node, a session or a call, found by their type.
#pragma once

#include <cstddef>
#include <memory>
#include <typeinfo>
#include <utility>

#include "echostream/base/block_pool.h"

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
    while (last_) last_ = std::move(last_->before);
  }

  /// Null when there is none. Stays valid until emplace() or erase() of the same type.
  template <class T>
  T* get() const noexcept {
    for (Entry* entry = last_.get(); entry != nullptr; entry = entry->before.get()) {
      if (typeid(T) == *entry->type) return &static_cast<Value<T>*>(entry)->value;
    }
    return nullptr;
  }
  /// Makes one, in place of the one that is there.
  template <class T, class... Arguments>
  T& emplace(Arguments&&... arguments) {
    erase<T>();
    auto made = std::make_unique<Value<T>>(std::forward<Arguments>(arguments)...);
    T& value = made->value;
    made->before = std::move(last_);
    last_ = std::move(made);
    return value;
  }
  /// The one that is there, or a new one.
  template <class T>
  T& get_or_emplace() {
    T* found = get<T>();
    return found != nullptr ? *found : emplace<T>();
  }
  template <class T>
  void erase() {
    for (std::unique_ptr<Entry>* entry = &last_; *entry; entry = &(*entry)->before) {
      if (typeid(T) != *(*entry)->type) continue;
      // Out of the list first: its destructor may look into it.
      const std::unique_ptr<Entry> erased = std::exchange(*entry, std::move((*entry)->before));
      return;
    }
  }

 private:
  struct Entry {
    explicit Entry(const std::type_info& type_in) noexcept : type(&type_in) {}
    virtual ~Entry() = default;
    const std::type_info* type;
    std::unique_ptr<Entry> before;
  };
  // There are a few for each call: they come from the list of short blocks.
  template <class T>
  struct Value final : Entry, internal::PooledObject {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    template <class... Arguments>
    explicit Value(Arguments&&... arguments)
        : Entry(typeid(T)), value(std::forward<Arguments>(arguments)...) {}
    T value;
  };
  std::unique_ptr<Entry> last_;
};

}  // namespace echostream
