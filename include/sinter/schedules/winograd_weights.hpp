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

using four_doubles = double __attribute__((vector_size(32)));

/// Transforms the weights of one input channel and a group of output channels.
template <std::size_t Alpha>
class winograd_weight_transform {
 public:
  winograd_weight_transform() {
    auto const g = matrices_of_winograd(Alpha - 2).weights;
    for (std::size_t i = 0; i < Alpha; ++i)
      for (std::size_t k = 0; k < 3; ++k) g_[i][k] = four_doubles{} + g[i][k];
    for (std::size_t i = 1; i + 1 < Alpha; i += 2) sign_[i / 2] = four_doubles{} + g[i + 1][0] / g[i][0];
  }

  /// `taps` gives 9 rows of `width` output channels, `tap_step` apart; point p goes to `to + p * point_step`.
  void operator()(float const* taps, std::int64_t tap_step, std::int64_t width, float* to, std::int64_t point_step) {
    rows_.resize(Alpha * Alpha * static_cast<std::size_t>(width));
    for (std::int64_t o = 0; o < width; o += 4) four(taps + o, tap_step, rows_.data() + o, width);
    for (std::size_t p = 0; p < Alpha * Alpha; ++p)  // whole cache lines: the points often lie in the same cache sets
      std::memcpy(to + static_cast<std::int64_t>(p) * point_step, rows_.data() + static_cast<std::int64_t>(p) * width,
                  static_cast<std::size_t>(width) * 4);
  }

 private:
  using column = std::array<four_doubles, Alpha>;

  void four(float const* taps, std::int64_t tap_step, float* to, std::int64_t point_step) const {
    std::array<column, 3> half;
    for (std::size_t x = 0; x < 3; ++x, taps += tap_step) {
      std::array<four_doubles, 3> tap;
      for (std::size_t y = 0; y < 3; ++y)
        tap[y] = __builtin_convertvector(load_four(taps + static_cast<std::int64_t>(y) * 3 * tap_step), four_doubles);
      times_g(tap, half[x]);
    }
    for (std::size_t i = 0; i < Alpha; ++i) {
      column u;
      times_g({half[0][i], half[1][i], half[2][i]}, u);
#pragma GCC unroll 6
      for (std::size_t j = 0; j < Alpha; ++j, to += point_step)
        store_four(to, __builtin_convertvector(u[j], four_floats));
    }
  }

  /// y = G g. The first and last rows of G are those of a unit matrix; the others are pairs, for points that differ in
  /// sign: (p, q, r) and (p, -q, r), or the negative of that.
  void times_g(std::array<four_doubles, 3> const& g, column& y) const {
    y[0] = g[0];
    y[Alpha - 1] = g[2];
#pragma GCC unroll 2
    for (std::size_t i = 1; i + 1 < Alpha; i += 2) {
      auto const p = g_[i][0] * g[0], q = g_[i][1] * g[1], r = g_[i][2] * g[2];
      y[i] = p + q + r;
      y[i + 1] = sign_[i / 2] * (p - q + r);
    }
  }

  std::array<std::array<four_doubles, 3>, Alpha> g_;
  std::array<four_doubles, Alpha / 2 - 1> sign_;  ///< of each pair
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
