#pragma once

#include <sinter/core/error.hpp>
#include <sinter/program/device_kernel.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Kernels of the forms that emitters of devices know, with the launch that each needs. What constants and arguments
/// mean stands at the top of a form's text (emit/cuda/forms/).
namespace sinter {

using device_sizes = std::vector<std::int64_t>;

/// A kernel and the blocks of its launch.
struct device_call {
  device_kernel kernel;
  std::array<std::uint32_t, 3> blocks{1, 1, 1};
};

/// What is stored for each coordinate: `function` of what the form computes and the operands. The last argument is the
/// result; strides are elements for one step of each coordinate of the form. The calls below fill in `bytes`.
struct device_epilogue {
  expr::function function{};
  std::vector<device_argument> arguments{};
  std::int64_t alignment = 16;      ///< bytes that divide the addresses of all arguments of the kernel
  dtype computes = dtype::float32;  ///< as `device_kernel::computes`, of forms that compute nothing themselves
};

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

inline std::uint32_t block_count(std::int64_t count, std::int64_t limit = 0xffff) {
  SINTER_ASSERT(count >= 1 && count <= limit);
  return static_cast<std::uint32_t>(count);
}
/// Blocks along the first axis, whose limit is larger.
inline std::uint32_t long_block_count(std::int64_t count) { return block_count(count, 0x7fffffff); }

/// Elements from the first one to the last one of a tensor.
inline std::int64_t extent_of(std::span<std::int64_t const> sizes, std::span<std::int64_t const> strides) {
  std::int64_t last = 0;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis)
    last += (sizes[axis] - 1) * std::max<std::int64_t>(strides[axis], 0);
  return last + 1;
}

inline device_argument dense_argument(std::int64_t elements, bool written = false, dtype element = dtype::float32) {
  return {element, written, elements * static_cast<std::int64_t>(size_of(element)), {}};
}

inline std::int64_t product_of(std::span<std::int64_t const> sizes) {
  std::int64_t product = 1;
  for (auto const size : sizes) product *= size;
  return product;
}

inline device_sizes row_major_strides(std::span<std::int64_t const> sizes) {
  device_sizes strides(sizes.size(), 1);
  for (auto axis = sizes.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * sizes[axis];
  return strides;
}

/// Coordinates with fewer axes and the same order: axes of one step are left out, neighbours that every tensor passes
/// through without a jump become one. `strides` are pointers to the strides of each tensor.
inline void merge_axes(device_sizes& sizes, std::span<device_sizes* const> strides) {
  device_sizes merged;
  std::vector<device_sizes> kept(strides.size());
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
    if (sizes[axis] == 1) continue;
    bool follows = !merged.empty();
    for (std::size_t t = 0; t < strides.size(); ++t)
      follows = follows && kept[t].back() == (*strides[t])[axis] * sizes[axis];
    if (!follows) merged.push_back(1);
    merged.back() *= sizes[axis];
    for (std::size_t t = 0; t < strides.size(); ++t) {
      if (!follows) kept[t].push_back(0);
      kept[t].back() = (*strides[t])[axis];
    }
  }
  if (merged.empty()) {
    merged = {1};
    for (auto& k : kept) k = {0};
  }
  sizes = merged;
  for (std::size_t t = 0; t < strides.size(); ++t) *strides[t] = kept[t];
}

/// Coordinates of a thread along the last axis: `width` where all arguments with strides allow it, else 1.
inline std::int64_t vector_of(std::span<device_argument const> arguments, device_sizes const& sizes,
                              std::int64_t alignment, std::int64_t width = 4) {
  auto const allows = [&](device_argument const& a) {
    if (a.strides.empty()) return true;
    auto const last = a.strides.back();
    auto const whole = [&](std::int64_t stride) { return stride % width == 0; };
    return (last == 0 || last == 1) && std::all_of(a.strides.begin(), a.strides.end() - 1, whole) &&
           alignment % (width * static_cast<std::int64_t>(size_of(a.element))) == 0;
  };
  return sizes.back() >= width && std::ranges::all_of(arguments, allows) ? width : 1;
}

/// A kernel whose threads have `vector` coordinates each.
inline device_call coordinate_call(std::string form, device_sizes const& sizes, std::int64_t vector,
                                   std::vector<device_constant> constants) {
  device_call call;
  call.kernel.form = std::move(form);
  call.kernel.constants = {{"rank", std::ssize(sizes)}, {"vector", vector}};
  for (std::size_t axis = 0; axis < sizes.size(); ++axis)
    call.kernel.constants.push_back({"size" + std::to_string(axis), sizes[axis]});
  call.kernel.constants.insert(call.kernel.constants.end(), constants.begin(), constants.end());
  auto const threads = product_of(sizes) / sizes.back() * divide_up(sizes.back(), vector);
  call.blocks[0] = long_block_count(divide_up(threads, call.kernel.threads));
  return call;
}

/// Appends the epilogue's arguments and function.
inline void add_epilogue(device_kernel& k, device_epilogue epilogue, device_sizes const& sizes) {
  for (auto& a : epilogue.arguments) {
    SINTER_ASSERT(a.strides.size() == sizes.size());
    a.bytes = extent_of(sizes, a.strides) * static_cast<std::int64_t>(size_of(a.element));
    k.arguments.push_back(std::move(a));
  }
  k.function = std::move(epilogue.function);
  k.computes = epilogue.computes;
}

/// `epilogue.function` of its operands at every coordinate.
inline device_call pointwise_call(device_sizes sizes, device_epilogue epilogue) {
  std::vector<device_sizes*> strides;
  for (auto& a : epilogue.arguments) strides.push_back(&a.strides);
  merge_axes(sizes, strides);
  auto call = coordinate_call("pointwise", sizes, vector_of(epilogue.arguments, sizes, epilogue.alignment), {});
  add_epilogue(call.kernel, std::move(epilogue), sizes);
  return call;
}

}  // namespace sinter
