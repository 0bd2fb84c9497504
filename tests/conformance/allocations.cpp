// Counts allocations. A unit of its own: where g++ sees these functions inlined, it takes them for a mismatched pair.
#include <cstddef>
#include <cstdlib>
#include <new>

namespace conformance {
std::size_t allocations = 0;
}

void* operator new(std::size_t bytes, std::nothrow_t const&) noexcept {
  ++conformance::allocations;
  return std::malloc(bytes ? bytes : 1);
}
void* operator new(std::size_t bytes) {
  if (auto* const memory = operator new(bytes, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
