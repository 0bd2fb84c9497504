#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/core/tensor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

/// Tensors of float16 and bfloat16 as float32.
namespace sinter {

/// float16 or bfloat16.
constexpr bool is_half(dtype element) { return element == dtype::float16 || element == dtype::bfloat16; }

namespace detail {

inline void widen(std::span<std::uint16_t const> from, dtype half, float* to) {
  std::ranges::transform(from, to, half == dtype::float16 ? half_to_float : bfloat16_to_float);
}

/// The float32 values of a tensor of halves, made when they are read.
class widened_halves final : public readable_bytes {
 public:
  explicit widened_halves(any_tensor halves) : halves_(std::move(halves)) {}

  void read(std::size_t offset, std::span<std::byte> to) const override {
    SINTER_ASSERT(offset % 4 == 0 && to.size() % 4 == 0);
    std::array<std::uint16_t, 1024> part;
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
    auto const own = number | std::uint64_t{1} << 63;
    return {dtype::float32, halves.shape(),
            std::make_shared<located_bytes const>(std::move(from), 0, 4 * halves.elements(), own)};
  }
  any_tensor result(dtype::float32, halves.shape());
  std::span const from(static_cast<std::uint16_t const*>(halves.data()), halves.elements());
  detail::widen(from, halves.type(), static_cast<float*>(result.data()));
  return result;
}

}  // namespace sinter
