#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/core/error.hpp>
#include <sinter/core/float16.hpp>
#include <sinter/core/tensor.hpp>
#include <sinter/program/fragment.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

/// Constants of float32 as devices store them: as they are, or rounded to 16 bits.
namespace sinter::detail {

/// Calls write(put), where put(float) appends an element of float32, float16 or bfloat16 at `to`.
template <typename Write>
void write_elements(std::byte* to, dtype element, Write const& write) {
  auto const with = [&]<typename T>(T* at, auto convert) { write([&](float value) { *at++ = convert(value); }); };
  switch (element) {
    case dtype::float32: return with(reinterpret_cast<float*>(to), [](float value) { return value; });
    case dtype::float16: return with(reinterpret_cast<std::uint16_t*>(to), float_to_half);
    case dtype::bfloat16: return with(reinterpret_cast<std::uint16_t*>(to), float_to_bfloat16);
    default: SINTER_ASSERT(!"a type that float32 is stored as");
  }
}

/// A constant of float32 as another type; `key` names it.
inline packing pack_rounded(any_tensor const& constant, std::string_view key, dtype element) {
  auto const bytes = constant.elements() * size_of(element);
  return {.key = fmt::format("{}:{}", name(element), key),
          .bytes = static_cast<std::int64_t>(bytes),
          .fill = [constant, element](std::byte* to) {
            write_elements(to, element, [&](auto const& put) {
              for (auto const value : constant.as<float>()) put(value);
            });
          }};
}

}  // namespace sinter::detail
