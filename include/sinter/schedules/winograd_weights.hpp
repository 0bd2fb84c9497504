#pragma once

#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/winograd_product.hpp>
#include <sinter/schedules/winograd_transform.hpp>

#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

/// Packing of the weights of Winograd convolution: U = G g G^T for each pair of channels, computed in double and
/// rounded once, as [group of output blocks][point][input channel][output channel of the group].
namespace sinter {
namespace detail {

using two_doubles = double __attribute__((vector_size(16)));
using two_floats = float __attribute__((vector_size(8)));

/// Transforms the weights of one input channel and a group of output channels.
template <std::size_t Alpha>
class winograd_weight_transform {
 public:
  winograd_weight_transform() {
    auto const g = matrices_of_winograd(Alpha - 2).weights;
    for (std::size_t i = 0; i < Alpha; ++i)
      for (std::size_t k = 0; k < 3; ++k) g_[i][k] = two_doubles{g[i][k], g[i][k]};
  }

  /// `taps` gives 9 rows of `width` output channels, `tap_step` apart; point p goes to `to + p * point_step`.
  void operator()(float const* taps, std::int64_t tap_step, std::int64_t width, float* to, std::int64_t point_step) {
    rows_.resize(Alpha * Alpha * static_cast<std::size_t>(width));
    for (std::int64_t o = 0; o < width; o += 2) pair(taps + o, tap_step, rows_.data() + o, width);
    for (std::size_t p = 0; p < Alpha * Alpha; ++p)  // whole cache lines: the points often lie in the same cache sets
      std::memcpy(to + static_cast<std::int64_t>(p) * point_step, rows_.data() + static_cast<std::int64_t>(p) * width,
                  static_cast<std::size_t>(width) * 4);
  }

 private:
  void pair(float const* taps, std::int64_t tap_step, float* to, std::int64_t point_step) const {
    std::array<std::array<two_doubles, 3>, Alpha> half;
    for (std::size_t x = 0; x < 3; ++x) {
      auto const column = [&](std::size_t y) {
        two_floats v;
        std::memcpy(&v, taps + static_cast<std::int64_t>(y * 3 + x) * tap_step, sizeof v);
        return __builtin_convertvector(v, two_doubles);
      };
      auto const a = column(0), b = column(1), c = column(2);
      for (std::size_t i = 0; i < Alpha; ++i) half[i][x] = g_[i][0] * a + g_[i][1] * b + g_[i][2] * c;
    }
    for (std::size_t i = 0; i < Alpha; ++i)
      for (std::size_t j = 0; j < Alpha; ++j, to += point_step) {
        auto const v =
            __builtin_convertvector(half[i][0] * g_[j][0] + half[i][1] * g_[j][1] + half[i][2] * g_[j][2], two_floats);
        std::memcpy(to, &v, sizeof v);
      }
  }

  std::array<std::array<two_doubles, 3>, Alpha> g_;
  std::vector<float> rows_;
};

template <std::size_t Alpha>
void pack_winograd_weights(any_tensor const& w, std::int64_t inputs, std::int64_t outputs, std::int64_t interleave,
                           float* to) {
  constexpr std::int64_t taps = 9;
  auto const width = interleave * channel_block, point_step = inputs * width;
  winograd_weight_transform<Alpha> transform;
  std::vector<float> packed(static_cast<std::size_t>(inputs * taps * width));
  for (std::int64_t o = 0; o < outputs; o += width, to += Alpha * Alpha * point_step) {
    weight_source group{.tensor = w, .outputs = std::min(width, outputs - o), .output_step = inputs * taps};
    for (std::int64_t c = 0; c < inputs; c += channel_block)
      group.chunks.push_back(
          {.first = o * group.output_step + c * taps, .channels = std::min(channel_block, inputs - c), .taps = taps});
    pack_weights(group, interleave, packed.data());
    for (std::int64_t c = 0; c < inputs; ++c) {
      auto const chunk = c / channel_block * channel_block, channels = std::min(channel_block, inputs - chunk);
      auto const* const from = packed.data() + (chunk * taps + c - chunk) * width;
      transform(from, channels * width, width, to + c * width, point_step);
    }
  }
}

}  // namespace detail

/// The packing of the weights [out_channels][in_channels][3][3], float32, of a convolution; `key` names them.
inline packing packed_winograd(std::string const& key, any_tensor weights, winograd_shape const& s,
                               std::int64_t interleave) {
  SINTER_ASSERT(s.m == 2 || s.m == 4);
  auto const groups = ceil_div(s.out_blocks(), interleave);
  auto const fill = s.m == 2 ? detail::pack_winograd_weights<4> : detail::pack_winograd_weights<6>;
  return {.key = fmt::format(FMT_COMPILE("winograd{}:{}:{}"), s.m, interleave, key),
          .bytes = checked_mul(groups, winograd_group_bytes(s, interleave)),
          .fill = [=, weights = std::move(weights), inputs = s.in_channels, outputs = s.out_channels](std::byte* to) {
            fill(weights, inputs, outputs, interleave, reinterpret_cast<float*>(to));
          }};
}

}  // namespace sinter
