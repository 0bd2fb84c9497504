#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/core/extents.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sinter {

/// Bytes of a dense tensor, checked.
inline std::size_t dense_bytes(dtype type, shape const& extents) {
  return static_cast<std::size_t>(
      checked_mul(static_cast<std::int64_t>(extents.elements()), static_cast<std::int64_t>(size_of(type))));
}

/// A read-only view of a dense row-major tensor. Does not own.
struct tensor_view {
  dtype type = dtype::undefined;
  sinter::shape shape{};
  void const* data = nullptr;

  std::size_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return shape.elements() * size_of(type); }
  explicit operator bool() const { return type != dtype::undefined; }

  /// The elements as `T`; asking for another type than the tensor's is `error_code::invalid_argument`.
  template <tensor_element T>
  std::span<T const> as() const {
    if (dtype_of<T> != type)
      throw error(error_code::invalid_argument,
                  "the tensor holds " + std::string(name(type)) + ", it was read as " + std::string(name(dtype_of<T>)));
    return {static_cast<T const*>(data), elements()};
  }
};

/// A writable view of a dense row-major tensor. Does not own.
struct mutable_tensor_view {
  dtype type = dtype::undefined;
  sinter::shape shape{};
  void* data = nullptr;

  std::size_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return shape.elements() * size_of(type); }
  explicit operator bool() const { return type != dtype::undefined; }
  operator tensor_view() const { return {type, shape, data}; }

  /// The elements as `T`; asking for another type than the tensor's is `error_code::invalid_argument`.
  template <tensor_element T>
  std::span<T> as() const {
    if (dtype_of<T> != type)
      throw error(error_code::invalid_argument, "the tensor holds " + std::string(name(type)) +
                                                    ", it was accessed as " + std::string(name(dtype_of<T>)));
    return {static_cast<T*>(data), elements()};
  }
};

}  // namespace sinter
