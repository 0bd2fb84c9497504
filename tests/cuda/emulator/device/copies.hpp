#pragma once

/// Asynchronous copies from global memory to memory of the block: each thread commits groups of its own and waits for
/// them. What is not valid is filled with zeros and not read.
namespace emulator {

template <unsigned bytes>
DEVICE void begin_copy(void* shared, void const* global, bool valid) {
  expect(aligned(shared, bytes) && aligned(global, bytes), "copy_async: misaligned address");
  expect(is_shared(shared, bytes), "copy_async: not memory of the block");
  if (valid)
    static_cast<void>(*static_cast<char const volatile*>(global));  // faults here rather than where it is waited for
  here.begin_copy(shared, valid ? global : nullptr, bytes);
}

}  // namespace emulator

DEVICE void copy_async16(void* shared, void const* global, bool valid) {
  emulator::begin_copy<16>(shared, global, valid);
}
DEVICE void copy_async4(void* shared, void const* global, bool valid) {
  emulator::begin_copy<4>(shared, global, valid);
}
DEVICE void commit_copies() { emulator::here.commit_copies(); }
/// Until at most `groups` of this thread's last groups are open.
template <int groups>
DEVICE void wait_copies() {
  emulator::here.wait_copies(groups);
}
