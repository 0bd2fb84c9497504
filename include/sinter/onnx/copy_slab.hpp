#pragma once

#include <sinter/core/huge_pages.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <sys/mman.h>

namespace sinter::onnx {

/// Memory for the copies of one model's tensors: address space for all of them is reserved at once, and pages are taken
/// as copies are made, large ones where the system has them (tensors of real models are mostly a few hundred KB). All
/// of it lives as long as any of the copies.
class copy_slab {
 public:
  /// Reserves address space for `bytes` and the alignment of as many tensors as real models have.
  explicit copy_slab(std::size_t bytes) : size_(bytes + (std::size_t{1} << 20)) {}

  /// Uninitialised memory, 64-byte aligned; none if the reservation is used up or the system refuses it.
  std::shared_ptr<void> take(std::size_t bytes) {
    if (!memory_ && !reserve()) return nullptr;
    auto const need = (bytes + 63) / 64 * 64;
    if (need > size_ - used_) return nullptr;
    auto* const start = static_cast<std::byte*>(memory_.get()) + used_;
    used_ += need;
    return {memory_, start};
  }

 private:
  bool reserve() {
    auto* const memory =
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return false;
    prefer_huge_pages(memory, size_);
    memory_ = {memory, [size = size_](void* p) { ::munmap(p, size); }};
    return true;
  }

  std::size_t size_;
  std::size_t used_ = 0;
  std::shared_ptr<void> memory_{};
};

}  // namespace sinter::onnx
