#pragma once

#include "error.hpp"
#include "switch_stack.hpp"
#include <cstddef>
#include <sys/mman.h>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace emulator {

/// Stacks of fibers, below each memory that faults. The last one given back is the next taken: it is in the cache.
class stack_pool {
 public:
  stack_pool() = default;
  stack_pool(stack_pool const&) = delete;
  stack_pool& operator=(stack_pool const&) = delete;
  ~stack_pool() {
    for (auto* const stack : all_) munmap(stack, size);
  }

  char* take() {
    if (free_.empty()) free_.push_back(make());
    auto* const stack = free_.back();
    free_.pop_back();
    return stack;
  }
  void give_back(char* top) { free_.push_back(top); }

  /// Such that the first switch to it calls `entry`, which must not return.
  static void* prepare(char* top, void (*entry)()) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(top - least, least);  // of frames that were left for good
#endif
    return start_of_stack(top, least, entry);
  }

 private:
  static constexpr std::size_t guard = std::size_t{64} << 10;
  static constexpr std::size_t least = 64 << 10;  ///< of a stack
  static constexpr std::size_t colors = 64, color_bytes = std::size_t{17} * 64;
  static constexpr std::size_t size = guard + least + (std::size_t{72} << 10);
  static_assert(size >= guard + least + colors * color_bytes);

  /// Tops differ in their lower bits, so that stacks do not share sets of the cache.
  char* make() {
    auto* const stack = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, guard, PROT_NONE) != 0)
      throw error("no memory for the stack of a fiber");
    all_.push_back(stack);
    return static_cast<char*>(stack) + size - all_.size() % colors * color_bytes;
  }

  std::vector<void*> all_;
  std::vector<char*> free_;
};

}  // namespace emulator
