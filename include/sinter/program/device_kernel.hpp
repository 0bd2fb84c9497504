#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/expr/expression.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sinter {

/// A number that a form is made for: a size, a stride, a choice.
struct device_constant {
  std::string name{};
  std::int64_t value = 0;
  friend bool operator==(device_constant const&, device_constant const&) = default;
};

/// An argument of a device kernel: a pointer to elements of one type.
struct device_argument {
  dtype element = dtype::float32;
  bool written = false;
  std::int64_t bytes = 0;  ///< that the kernel may touch, from the pointer on
  /// Set for operands of `device_kernel::function`: elements for one step of each coordinate of the form.
  std::vector<std::int64_t> strides{};
  friend bool operator==(device_argument const&, device_argument const&) = default;
};

/// A kernel of a device with blocks of threads: one of the forms that the emitter of the device knows ("convolution"),
/// made for these numbers.
///
/// Arguments that the form itself reads and writes come first, then those with strides. The function maps what the form
/// computes for a coordinate (x0, where the form computes something) and the elements of the arguments with strides at
/// that coordinate (the following inputs, in order) to what is stored; a function without lines stores x0. It computes
/// in float32 or, of elements that are integers, in int64 or uint64: `add` to `div`, `min`, `max` and `select` wrap,
/// and divide towards zero and to 0 by 0.
struct device_kernel {
  std::string form{};
  std::vector<device_constant> constants{};
  expr::function function{};
  dtype computes = dtype::float32;  ///< type of the function's numbers
  std::vector<device_argument> arguments{};
  std::int32_t threads = 256;     ///< of a block
  std::int32_t shared_bytes = 0;  ///< memory that the threads of a block share
  friend bool operator==(device_kernel const&, device_kernel const&) = default;
};

}  // namespace sinter
