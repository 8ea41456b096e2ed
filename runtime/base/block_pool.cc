#include "echostream/base/block_pool.h"

#include <array>
#include <new>

namespace echostream::internal {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ECHOSTREAM_WITHOUT_POOL 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ECHOSTREAM_WITHOUT_POOL 1
#endif

#if defined(ECHOSTREAM_WITHOUT_POOL)
// The sanitizers are to see each block come and go.
constexpr std::size_t kLongest = 0;
#else
// A message of 1 KiB with its headers, and the state of a call with room to grow.
constexpr std::size_t kLongest = 2048;
#endif

constexpr std::size_t kStep = 64;
// What a thread keeps of each size: 32 sizes make 2 MiB at the very most.
constexpr std::size_t kMostKeptBytes = 64 * 1024;

// The place of the list for blocks of that many bytes, and how long these are: each has room for at
// least the link of the list.
constexpr std::size_t list_of(std::size_t bytes) { return (bytes - (bytes != 0)) / kStep; }
constexpr std::size_t length_in(std::size_t list) { return (list + 1) * kStep; }

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* first = nullptr;
  // How many more blocks it keeps: none before the cleaner is there, and after it.
  std::size_t room = 0;
};

struct ThreadLists {
  std::array<FreeList, list_of(kLongest) + 1> lists;
  bool has_cleaner = false;
};
constinit thread_local ThreadLists thread_lists;

// Apart from the lists, so that these need no check of whether they have been made.
struct Cleaner {
  Cleaner() noexcept {
    thread_lists.has_cleaner = true;
    for (std::size_t i = 0; i < thread_lists.lists.size(); ++i) {
      thread_lists.lists[i].room = kMostKeptBytes / length_in(i);
    }
  }
  // The thread ends: what is given back from now on is not kept.
  ~Cleaner() {
    for (FreeList& list : thread_lists.lists) {
      list.room = 0;
      while (FreeBlock* block = list.first) {
        list.first = block->next;
        ::operator delete(block);
      }
    }
  }
};

// Out of line, or the short way would save registers for it.
[[gnu::noinline]] void free_unkept(void* block) noexcept {
  if (!thread_lists.has_cleaner) {
    static thread_local Cleaner cleaner;
    // Using it is what makes it.
    (void)&cleaner;
  }
  ::operator delete(block);
}

}  // namespace

void* allocate_block(std::size_t bytes) {
  if (bytes > kLongest) return ::operator new(bytes);
  FreeList& list = thread_lists.lists[list_of(bytes)];
  FreeBlock* const block = list.first;
  if (block == nullptr) return ::operator new(length_in(list_of(bytes)));
  list.first = block->next;
  ++list.room;
  return block;
}

void free_block(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  if (bytes > kLongest) return ::operator delete(block);
  FreeList& list = thread_lists.lists[list_of(bytes)];
  if (list.room == 0) return free_unkept(block);
  list.first = new (block) FreeBlock{list.first};
  --list.room;
}

}  // namespace echostream::internal
