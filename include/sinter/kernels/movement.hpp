#pragma once

#include <sinter/kernels/broadcast.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace sinter {

namespace detail {

template <typename T>
void copy_run(void* to, void const* from, std::int64_t first, std::int64_t stride, std::size_t count) {
  auto* y = static_cast<T*>(to);
  auto const* x = static_cast<T const*>(from) + first;
  if constexpr (std::is_trivially_copyable_v<T>) {
    if (stride == 1) {
      std::memcpy(y, x, count * sizeof(T));
      return;
    }
  }
  for (std::size_t i = 0; i < count; ++i, x += stride) y[i] = *x;
}

struct sixteen_bytes {
  std::uint64_t words[2];
};

}  // namespace detail

/// Calls `body.template operator()<T>()` with a type that moves one element of `type`: strings as strings, all others
/// by their size.
template <typename Body>
decltype(auto) visit_storage(dtype type, Body&& body) {
  if (type == dtype::string) return body.template operator()<std::string>();
  switch (size_of(type)) {
    case 1: return body.template operator()<std::uint8_t>();
    case 2: return body.template operator()<std::uint16_t>();
    case 4: return body.template operator()<std::uint32_t>();
    case 8: return body.template operator()<std::uint64_t>();
    default: return body.template operator()<detail::sixteen_bytes>();
  }
}

/// Copies `count` elements from element `from` of `in` to element `to` of `out`, both of one type.
inline void copy_elements(tensor_view in, std::int64_t from, mutable_tensor_view out, std::int64_t to,
                          std::size_t count) {
  visit_storage(in.type,
                [&]<typename T>() { detail::copy_run<T>(static_cast<T*>(out.data) + to, in.data, from, 1, count); });
}

/// Calls body(copy) and returns what that does: copy(from, to, count) copies `count` elements from element `from` of
/// `in` to element `to` of `out`, both of one type. For many short runs.
template <typename Body>
decltype(auto) with_copy(tensor_view in, mutable_tensor_view out, Body&& body) {
  return visit_storage(in.type, [&]<typename T>() -> decltype(auto) {
    auto const* const x = static_cast<T const*>(in.data);
    auto* const y = static_cast<T*>(out.data);
    return body([x, y](std::int64_t from, std::int64_t to, std::int64_t count) {
      if (count == 1)
        y[to] = x[from];
      else
        std::copy_n(x + from, count, y + to);
    });
  });
}

/// Copies all elements; the shapes may differ, the number of elements may not.
inline void copy_all(tensor_view in, mutable_tensor_view out) {
  SINTER_ASSERT(in.type == out.type && in.elements() == out.elements());
  copy_elements(in, 0, out, 0, in.elements());
}

/// out[i, j, …] = in[offset + i*strides[0] + j*strides[1] + …], for every index of `out`.
inline void strided_copy(tensor_view in, std::int64_t offset, shape const& strides, mutable_tensor_view out) {
  walk_operand source{.strides = strides, .offset = offset};
  strided_walk const walk(out.shape, {&source, 1});
  visit_storage(out.type, [&]<typename T>() {
    walk.for_each_run([&](std::size_t first, std::size_t count) {
      detail::copy_run<T>(static_cast<T*>(out.data) + first, in.data, source.offset, source.stride(), count);
    });
  });
}

/// Fills with the one element at `from`.
inline void fill_elements(mutable_tensor_view out, void const* from) {
  visit_storage(out.type, [&]<typename T>() {
    std::fill_n(static_cast<T*>(out.data), out.elements(), *static_cast<T const*>(from));
  });
}

}  // namespace sinter
