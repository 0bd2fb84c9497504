#pragma once

#include <cstddef>
#include <cstring>
#include <new>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

/// Stacks that a thread changes between: a place on one is where it was left, or its start.
namespace emulator {

#if defined(__x86_64__)

/// Leaves this stack, saving where at `from`, for the one that was left at `to`.
[[gnu::naked, gnu::noinline]] inline void switch_stack(void** /*from*/, void* /*to*/) {
  asm(R"(
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret)");
}

/// Such that the first switch to it calls `entry`, which must not return. The stack has so many bytes below `top`.
inline void* start_of_stack(char* top, std::size_t /*bytes*/, void (*entry)()) {
  constexpr std::size_t saved = 6;
  auto* const frame = reinterpret_cast<void**>(top) - saved - 2;
  std::memset(frame, 0, (saved + 2) * sizeof(void*));
  frame[saved] = reinterpret_cast<void*>(entry);
  return frame;
}

#else

/// As above, slower.
inline void switch_stack(void** from, void* to) {
  ucontext_t here;
  *from = &here;
  swapcontext(&here, static_cast<ucontext_t*>(to));
}
inline void* start_of_stack(char* top, std::size_t bytes, void (*entry)()) {
  constexpr auto size = (sizeof(ucontext_t) + 63) / 64 * 64;
  auto* const start = new (top - size) ucontext_t;
  getcontext(start);
  start->uc_link = nullptr;
  start->uc_stack.ss_sp = top - bytes;
  start->uc_stack.ss_size = bytes - size;
  makecontext(start, entry, 0);
  return start;
}

#endif

}  // namespace emulator
