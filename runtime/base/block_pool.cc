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

// A block has room for at least the link of the list.
constexpr std::size_t list_of(std::size_t bytes) {
  return bytes == 0 ? 1 : (bytes + kStep - 1) / kStep;
}

struct FreeBlock {
  FreeBlock* next;
};

struct FreeList {
  FreeBlock* first = nullptr;
  std::size_t bytes = 0;
};

struct ThreadLists {
  std::array<FreeList, list_of(kLongest) + 1> lists;
  // The thread ends: what is given back now is not kept.
  bool closed = false;
  bool has_cleaner = false;
};
constinit thread_local ThreadLists thread_lists;

// Apart from the lists, so that these need no check of whether they have been made.
struct Cleaner {
  ~Cleaner() {
    thread_lists.closed = true;
    for (FreeList& list : thread_lists.lists) {
      while (FreeBlock* block = list.first) {
        list.first = block->next;
        ::operator delete(block);
      }
    }
  }
};

void clean_at_thread_end() {
  thread_lists.has_cleaner = true;
  static thread_local Cleaner cleaner;
  // Using it is what makes it.
  (void)&cleaner;
}

}  // namespace

void* allocate_block(std::size_t bytes) {
  if (bytes > kLongest) return ::operator new(bytes);
  FreeList& list = thread_lists.lists[list_of(bytes)];
  if (list.first == nullptr) return ::operator new(list_of(bytes) * kStep);
  FreeBlock* block = list.first;
  list.first = block->next;
  list.bytes -= list_of(bytes) * kStep;
  return block;
}

void free_block(void* block, std::size_t bytes) noexcept {
  if (block == nullptr) return;
  ThreadLists& mine = thread_lists;
  const std::size_t size = list_of(bytes) * kStep;
  if (bytes > kLongest || mine.closed || mine.lists[list_of(bytes)].bytes + size > kMostKeptBytes) {
    ::operator delete(block);
    return;
  }
  if (!mine.has_cleaner) clean_at_thread_end();
  FreeList& list = mine.lists[list_of(bytes)];
  list.first = new (block) FreeBlock{list.first};
  list.bytes += size;
}

}  // namespace echostream::internal
