#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/core/four_lanes.hpp>
#include <sinter/core/tensor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

/// Tensors of float16 and bfloat16 as float32.
namespace sinter {

/// float16 or bfloat16.
constexpr bool is_half(dtype element) { return element == dtype::float16 || element == dtype::bfloat16; }

namespace detail {

/// The bits of four float16, each in the low half of a word, as those of float32: `half_to_float`.
inline four_words widen_float16(four_words half) {
  auto const magnitude = (half & 0x7fff) << 13, exponent = magnitude & 0x0f800000;
  auto const has_no_end = four_words(exponent == 0x0f800000), is_subnormal = four_words(exponent == 0);
  auto const normal = magnitude + 0x38000000 + (has_no_end & 0x38000000);
  auto const subnormal = four_words(four_floats(normal + 0x00800000) - 0x1p-14f);
  return (half & 0x8000) << 16 | (is_subnormal & subnormal) | (~is_subnormal & normal);
}
inline four_words widen_bfloat16(four_words half) { return half << 16; }

inline void widen(std::span<std::uint16_t const> from, dtype half, float* to) {
  auto const all = [&](auto four, auto one) {
    std::size_t k = 0;
    for (; k + 8 <= from.size(); k += 8) {
      four_words pairs;
      std::memcpy(&pairs, from.data() + k, sizeof pairs);
      auto const even = four_floats(four(pairs & 0xffff)), odd = four_floats(four(pairs >> 16));
      store_four(to + k, __builtin_shufflevector(even, odd, 0, 4, 1, 5));
      store_four(to + k + 4, __builtin_shufflevector(even, odd, 2, 6, 3, 7));
    }
    for (; k < from.size(); ++k) to[k] = one(from[k]);
  };
  if (half == dtype::float16)
    all(widen_float16, half_to_float);
  else
    all(widen_bfloat16, bfloat16_to_float);
}

/// Bits that the number of a widened tensor has beside those of its tensor of halves.
constexpr std::uint64_t widened_bits(dtype half) { return std::uint64_t{half == dtype::float16 ? 2u : 3u} << 62; }

/// The float32 values of a tensor of halves, made when they are read.
class widened_halves final : public readable_bytes {
 public:
  explicit widened_halves(any_tensor halves) : halves_(std::move(halves)) {}

  void read(std::size_t offset, std::span<std::byte> to) const override {
    SINTER_ASSERT(offset % 4 == 0 && to.size() % 4 == 0);
    std::array<std::uint16_t, 8192> part;
    for (std::span floats(reinterpret_cast<float*>(to.data()), to.size() / 4); !floats.empty();) {
      auto const some = std::span(part).first(std::min(part.size(), floats.size()));
      halves_.read(offset / 2, std::as_writable_bytes(some));
      widen(some, halves_.type(), floats.data());
      floats = floats.subspan(some.size());
      offset += 4 * some.size();
    }
  }

 private:
  any_tensor halves_;
};

}  // namespace detail

/// The float32 values of a tensor of float16 or bfloat16. Those of one in a file are made when they are read, so that
/// both are named by its number.
inline any_tensor widened(any_tensor const& halves) {
  SINTER_ASSERT(is_half(halves.type()));
  if (auto const number = halves.number(); number != 0 && !halves.resident()) {
    auto from = std::make_shared<detail::widened_halves const>(halves);
    return {dtype::float32, halves.shape(),
            std::make_shared<located_bytes const>(std::move(from), 0, 4 * halves.elements(),
                                                  number | detail::widened_bits(halves.type()))};
  }
  any_tensor result(dtype::float32, halves.shape());
  std::span const from(static_cast<std::uint16_t const*>(halves.data()), halves.elements());
  detail::widen(from, halves.type(), static_cast<float*>(result.data()));
  return result;
}

/// What the elements of a float32 tensor have been widened from: float16 or bfloat16; undefined where that is not known
/// without reading them.
inline dtype widened_from(any_tensor const& floats) {
  for (auto const half : {dtype::float16, dtype::bfloat16})
    if (floats.type() == dtype::float32 && floats.number() >> 62 == detail::widened_bits(half) >> 62) return half;
  return dtype::undefined;
}

}  // namespace sinter
