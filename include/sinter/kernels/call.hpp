#pragma once

#include <sinter/core/tensor_view.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

/// How kernels are called: by `evaluate`, by the in-process compiler, and by generated code.
namespace sinter::kernels {

/// Whether a kernel did its work. What can go wrong is a number that comes at run time: `value` lies outside
/// [least, greatest].
struct status {
  bool ok = true;
  std::int64_t value = 0, least = 0, greatest = 0;
  std::int64_t count = 0;  ///< of a counting kernel

  static status found(std::int64_t count) { return {.count = count}; }

  static status outside(std::int64_t value, std::int64_t least, std::int64_t greatest) {
    return {false, value, least, greatest};
  }
};

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

/// What a kernel computes on: dense row-major views, where an omitted operand has no type; and numbers that came from
/// attributes and constants, whose meaning each kernel states.
struct call {
  std::span<tensor_view const> in;
  std::span<mutable_tensor_view const> out;
  std::span<std::int64_t const> integers;
  std::span<double const> reals;
  workspace& memory;

  /// Input `i`, also past the end.
  tensor_view input(std::size_t i) const { return i < in.size() ? in[i] : tensor_view{}; }
  mutable_tensor_view output(std::size_t i) const { return i < out.size() ? out[i] : mutable_tensor_view{}; }
};

/// A kernel, and how generated code names it: a function of the namespace sinter::kernels, declared in a header of this
/// folder. A kernel throws `error` for element types that it does not take, also where its workspace is measuring; it
/// never throws because of data.
///
/// A counting kernel is one for outputs of which one extent depends on data. It returns this extent, and writes the
/// elements densely from the start of the output, whose view says how much there is room for. With all outputs unused
/// it only counts.
struct kernel {
  status (*run)(call const&) = nullptr;
  std::string_view name{};
  std::string_view header{};
};

}  // namespace sinter::kernels
