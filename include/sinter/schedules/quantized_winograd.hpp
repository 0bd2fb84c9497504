#pragma once

#include <sinter/schedules/quantized_convolution.hpp>
#include <sinter/schedules/winograd.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

/// sinter.QuantizedConv of 3x3 taps and stride 1 by F(2x2, 3x3) or F(4x4, 3x3) of integers, exact
/// (winograd_integers.hpp): the grids of winograd.hpp, whose points are multiplied as words.
namespace sinter {
namespace detail {

using eight_words = std::int16_t __attribute__((vector_size(16)));

/// The words of one channel in two neighbouring blocks for 16 outputs, and their transforms.
class winograd_words {
 public:
  explicit winograd_words(std::int64_t m) : g_(winograd_integer_weights(m)) {}

  /// Takes channel `c` and that of the next block, of outputs from `first` on, of `values` [outputs][channels][9].
  void take(quantized_weights const& w, std::vector<std::int32_t> const& values, std::int64_t first, std::int64_t c) {
    words_ = {};
    for (std::int64_t o = first; o < std::min(first + channel_block, w.outputs); ++o)
      for (std::int64_t const in : {c, c + channel_block}) {
        if (in >= w.channels) continue;
        auto const* taps = values.data() + (o * w.channels + in) * taps_;
        auto const at = static_cast<std::size_t>(2 * (o - first) + (in == c ? 0 : 1));
        for (std::size_t t = 0; t < taps_; ++t) words_[t][at] = static_cast<std::int16_t>(taps[t]);
      }
  }
  /// Point p goes to `to + p * point`.
  void transform(std::byte* to, std::int64_t point) const {
    for (std::size_t part = 0; part < 4; ++part) {
      std::array<eight_words, taps_> w;
      for (std::size_t t = 0; t < taps_; ++t) std::memcpy(&w[t], words_[t].data() + 8 * part, 16);
      auto* at = to + 16 * part;
      for (auto const& row : g_) {
        std::array<eight_words, 3> half;
        for (std::size_t x = 0; x < 3; ++x) half[x] = combined(row, w[x], w[3 + x], w[6 + x]);
        for (auto const& column : g_) {
          auto const u = combined(column, half[0], half[1], half[2]);
          std::memcpy(at, &u, 16);
          at += point;
        }
      }
    }
  }

 private:
  static constexpr std::size_t taps_ = 9;

  static eight_words combined(std::array<std::int32_t, 3> const& g, eight_words a, eight_words b, eight_words c) {
    auto const times = [](eight_words x, std::int32_t n) { return x * static_cast<std::int16_t>(n); };
    return times(a, g[0]) + times(b, g[1]) + times(c, g[2]);
  }

  std::vector<std::array<std::int32_t, 3>> g_;
  std::array<std::array<std::int16_t, 2 * channel_block>, taps_> words_{};
};

/// U = G g G^T of a quantised product, words: [group of output blocks][point][pair of blocks][channel][output of the
/// group], of each the words of both blocks.
inline packing pack_winograd_words(quantized_product const& product, winograd_shape const& s,
                                   winograd_shape const& products, std::int64_t interleave) {
  auto const group = winograd_group_bytes(products, interleave), point = winograd_point_bytes(products, interleave);
  auto const bytes = checked_mul(ceil_div(s.out_blocks(), interleave), group);
  auto key = fmt::format("quantized winograd{}:{}:{}", s.m, interleave, product.key_of_weights());
  auto const fill = [=, w = product.weights()](std::byte* to) {
    std::memset(to, 0, static_cast<std::size_t>(bytes));
    auto const values = w.values();
    winograd_words words(s.m);
    for (std::int64_t block = 0; block < s.out_blocks(); ++block)
      for (std::int64_t unit = 0; unit < products.in_channels; ++unit) {
        words.take(w, values, block * channel_block, unit / channel_block * 2 * channel_block + unit % channel_block);
        words.transform(to + block / interleave * group + (unit * interleave + block % interleave) * channel_block * 4,
                        point);
      }
  };
  return {.key = std::move(key), .bytes = bytes, .fill = fill};
}

/// The largest sum that a quantised product has without its bias, in magnitude.
inline std::int64_t largest_sum(quantized_product const& product) {
  auto const values = product.weights().values();
  auto const each = product.weights().channels * product.weights().taps;
  std::int64_t most = 0;
  for (std::int64_t o = 0; o < product.weights().outputs; ++o) {
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < each; ++k) sum += std::abs(values[static_cast<std::size_t>(o * each + k)]);
    most = std::max(most, sum);
  }
  return most * std::max(product.zero_of_bytes(), 255 - product.zero_of_bytes());
}

inline fragment quantized_winograd_build(scheduled_node const& n, winograd_shape const& s, std::int64_t items,
                                         target const& t) {
  auto const product = product_of_quantized(n, shape_of_quantized(n), true);
  return winograd_code(s, items, n, product.tile(), product.zero(), product.bias(0), product.scale(), t,
                       [&](winograd_shape const& products, std::int64_t interleave) {
                         return pack_winograd_words(product, s, products, interleave);
                       })
      .build();
}

/// Two words are multiplied as a pair of bfloat16 is.
inline double quantized_winograd_cost(winograd_shape s) {
  s.factors = tile_factors::pairs;
  return winograd_cost(s, 4);
}

inline std::vector<candidate> quantized_winograd_offer(scheduled_node const& n, target const& t) {
  if (!is_quantized_convolution(n)) return {};
  auto const c = shape_of_quantized(n);
  if (!shape_of_winograd(c, 2)) return {};
  auto const product = product_of_quantized(n, c, true);
  auto const direct = quantized_convolution_cost(c, "avx2");  // alike on every target
  std::vector<candidate> offered;
  for (std::int64_t const m : {2, 4}) {
    auto const s = *shape_of_winograd(c, m);
    auto const cost = quantized_winograd_cost(s);
    auto const most = most_of_winograd_integers(m);
    if (cost >= direct || (c.in_channels * c.taps() > most / (255 * 128) && largest_sum(product) > most)) continue;
    offered.push_back({.layouts = quantized_convolution_layouts(n),
                       .cost = cost + far_traffic_cost(n),
                       .weight_growth = static_cast<double>(2 * s.points()) / 9,
                       .build = [s, items = c.items, t](scheduled_node const& at) {
                         return quantized_winograd_build(at, s, items, t);
                       }});
  }
  return offered;
}

}  // namespace detail

inline constexpr schedule quantized_winograd_schedule{.name = "quantized Winograd convolution",
                                                      .offer = detail::quantized_winograd_offer};

}  // namespace sinter
