#pragma once

#include <sinter/core/checked.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

/// Memory that kernels work in besides their operands.
namespace sinter::kernels {

/// Memory that a kernel works in. A kernel takes all of it before it computes, and returns at once where the workspace
/// is measuring: so the bytes of a call are known from its types, shapes and numbers. Then all pointers are null, those
/// of the operands too.
class workspace {
 public:
  static constexpr std::size_t alignment = 64;

  virtual ~workspace() = default;
  bool measuring() const { return measuring_; }

  template <typename T>
  T* take(std::size_t count) {
    static_assert(alignof(T) <= alignment && std::is_trivially_destructible_v<T>);
    auto const bytes = checked_mul(static_cast<std::int64_t>(count), std::int64_t{sizeof(T)});
    auto* const memory = reinterpret_cast<T*>(more(static_cast<std::size_t>(round_up(bytes, alignment))));
    if (memory) std::uninitialized_default_construct_n(memory, count);
    return memory;
  }

 protected:
  explicit workspace(bool measuring) : measuring_(measuring) {}

 private:
  /// The next `bytes` bytes; null where measuring.
  virtual std::byte* more(std::size_t bytes) = 0;

  bool measuring_;
};

/// Finds out how many bytes a call takes.
class measuring_workspace final : public workspace {
 public:
  measuring_workspace() : workspace(true) {}
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* more(std::size_t bytes) override {
    bytes_ += bytes;
    return nullptr;
  }
  std::size_t bytes_ = 0;
};

/// Memory that was measured before, aligned to `workspace::alignment`.
class planned_workspace final : public workspace {
 public:
  explicit planned_workspace(std::byte* memory) : workspace(false), next_(memory) {}

 private:
  std::byte* more(std::size_t bytes) override {
    auto* const memory = next_;
    next_ += bytes;
    return memory;
  }
  std::byte* next_;
};

}  // namespace sinter::kernels
