// Runs of a built library allocate nothing and make no system call: allocations are counted, and the kernel ends this
// program at any system call but read, write and exit.
#include <array>
#include <cache.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <digits.hpp>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {
long allocations = 0;
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept {
  ++allocations;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
}

int main(int count, char**) {
  static std::array<float, digits::image::size> const image{0.5f};
  static std::array<float, cache::x::size> const token{0.5f};
  static std::array<std::int64_t, cache::mask::size(cache::max_length + 2)> const ones{1};
  digits net;
  cache decoder;
  auto const before = allocations;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) return 77;
  if (count > 1) syscall(SYS_getpid);  // shows that the test can fail
  float sum = 0;
  for (int i = 0; i < 100; ++i)
    for (float const score : net.run({.image = image}).scores) sum += score;
  for (std::size_t row = 0; row <= cache::max_length; ++row)
    for (float const y : decoder.run({.x = token, .mask = std::span(ones).first(row + 1)}).y) sum += y;
  bool const refused = !decoder.run({.x = token, .mask = ones}).error.empty();
  decoder.reset_state();
  sum += decoder.run({.x = token, .mask = std::span(ones).first(1)}).y[0];
  bool const right = allocations == before && sum == sum && refused && decoder.length() == 1;
  syscall(SYS_exit, right ? 0 : 1);
}
