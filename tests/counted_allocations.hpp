#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Counts malloc and mmap of a whole program, for one file of it, where SINTER_COUNTS_ALLOCATIONS says so: sanitizers
/// bring their own malloc.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SINTER_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SINTER_COUNTS_ALLOCATIONS 0
#endif
#endif
#if !defined(SINTER_COUNTS_ALLOCATIONS) && defined(__GLIBC__)
#define SINTER_COUNTS_ALLOCATIONS 1
#endif

#if SINTER_COUNTS_ALLOCATIONS
namespace sinter::test {
inline std::atomic<long> allocations{0};
}  // namespace sinter::test

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept {
  ++sinter::test::allocations;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  ++sinter::test::allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) noexcept {
  ++sinter::test::allocations;
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  ++sinter::test::allocations;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
  ++sinter::test::allocations;
  *memory = __libc_memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}
void* mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) noexcept {
  ++sinter::test::allocations;
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, bytes, protection, flags, file, offset));
}
}

namespace sinter::test {

/// Allocations of any thread while `body` runs.
template <typename Body>
long counted(Body&& body) {
  auto const before = allocations.load();
  body();
  return allocations.load() - before;
}

}  // namespace sinter::test
#endif
