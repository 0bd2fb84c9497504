#pragma once

#include <sinter/ops/quantized.hpp>
#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/quantized_weights.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What schedules of sinter.QuantizedConv and sinter.QuantizedGemm share: which operands they take, and their tiles.
namespace sinter::detail {

/// An operand of one number.
inline float number_of(scheduled_node const& n, std::size_t i) {
  return n.inputs[i].type.element == dtype::float32 ? n.inputs[i].constant->as<float>()[0]
                                                    : static_cast<float>(integers_of(*n.inputs[i].constant)[0]);
}

/// What a product adds to its result, if it adds something; `takes_addend` holds.
inline std::optional<quantized_addend> addend_operands(scheduled_node const& n, quantized_bounds const& bounds) {
  constexpr auto r = quantized_product_result::addend;
  if (!has_input(n, r)) return std::nullopt;
  auto const range = bounds.range(n.inputs[7].type.element);
  auto const zero = number_of(n, 7);
  return quantized_addend{.is_signed = n.inputs[r].type.element == dtype::int8,
                          .zero_point = number_of(n, r + 2),
                          .step = number_of(n, r + 1),
                          .product_step = number_of(n, 6),
                          .sum_step = number_of(n, r + 3),
                          .least = static_cast<float>(range.least) - zero,
                          .greatest = static_cast<float>(range.greatest) - zero};
}

/// Whether the addend, if there is one, is one of a kernel.
inline bool takes_addend(scheduled_node const& n) {
  constexpr auto r = quantized_product_result::addend;
  if (!has_input(n, r)) return true;
  for (std::size_t i = r + 1; i < r + 5; ++i)
    if (!n.inputs[i].present() || !n.inputs[i].constant || n.inputs[i].shape().elements() != 1) return false;
  if (!is_byte_tensor(n.inputs[r]) || n.inputs[r].constant) return false;
  return adds_steps(number_of(n, 6), number_of(n, r + 1), number_of(n, r + 3));
}

/// The addend, which the result may overwrite.
inline std::vector<std::uint32_t> overwritable_addend(scheduled_node const& n) {
  constexpr std::uint32_t r = quantized_product_result::addend;
  bool const may = has_input(n, r) && n.inputs[r].type.element == n.outputs[0].type.element;
  return may ? std::vector{r} : std::vector<std::uint32_t>{};
}

/// Whether the operands of a node like QLinearConv are those of a kernel: 8-bit integers, constant weights, one scale
/// and zero point of input and result.
inline bool has_quantized_operands(scheduled_node const& n) {
  auto const constant = [&](std::size_t i) { return n.inputs[i].present() && n.inputs[i].constant; };
  for (std::size_t i = 1; i < 8; ++i)
    if (!constant(i)) return false;
  for (std::size_t const i : {1, 2, 6, 7})
    if (n.inputs[i].shape().elements() != 1) return false;
  if (!takes_addend(n)) return false;
  return is_byte_tensor(n.inputs[0]) && is_byte_tensor(n.outputs[0]) && (!has_input(n, 8) || n.inputs[8].constant) &&
         n.inputs[3].shape().elements() > 0;
}

/// For each output, or for all, what sums are multiplied with: x scale * weights' scale / y scale.
inline std::vector<float> scales_of_sums(scheduled_node const& n) {
  auto const of_weights = n.inputs[4].constant->as<float>();
  auto const x = n.inputs[1].constant->as<float>()[0], y = n.inputs[6].constant->as<float>()[0];
  std::vector<float> all(of_weights.begin(), of_weights.end());
  for (auto& scale : all) scale = x * scale / y;
  return all;
}

/// Whether the constants of such a node, whose outputs are axis `axis` of the weights, are those of a kernel.
inline bool sums_fit(scheduled_node const& n, std::size_t axis) {
  auto const& w = *n.inputs[3].constant;
  auto const depth = static_cast<std::int64_t>(w.elements()) / w.shape()[axis];
  return std::ranges::all_of(scales_of_sums(n), [](float scale) { return std::isfinite(scale); }) &&
         fits_byte_products(w, *n.inputs[5].constant, axis, has_input(n, 8) ? n.inputs[8].constant : nullptr, depth);
}

/// The constants of such a node.
class quantized_product {
 public:
  /// `words`: of 16 bits, where kernels multiply these (`quantized_tile::words`).
  quantized_product(scheduled_node const& n, quantized_weights w, quantized_product_result const& result, bool words)
      : n_(n), w_(std::move(w)) {
    w_.tensor = *n.inputs[3].constant;
    w_.zero_point = *n.inputs[5].constant;
    tile_.is_signed = n.inputs[0].type.element == dtype::int8;
    tile_.signed_result = n.outputs[0].type.element == dtype::int8;
    tile_.outside = static_cast<std::uint8_t>(zero_of_bytes());
    tile_.addend = addend_operands(n, result.bounds);
    auto const sums = tile_.addend.has_value();
    tile_.zero_point = integers_of(*n.inputs[sums ? quantized_product_result::addend + 4 : 7].constant)[0];
    auto const range = (sums ? result.sum : result.bounds).range(n.outputs[0].type.element);
    tile_.least = static_cast<std::int32_t>(range.least);
    tile_.greatest = static_cast<std::int32_t>(range.greatest);
    auto const all = scales_of_sums(n);
    tile_.words = words;
    tile_.large = !std::ranges::all_of(all, [](float scale) { return std::fabs(scale) < 0.25f; });
  }

  quantized_tile const& tile() const { return tile_; }
  /// All of them, with their zero points.
  quantized_weights const& weights() const { return w_; }
  /// Names them: equal bytes may be other weights in another shape.
  std::string key_of_weights() const {
    return fmt::format("{}:{}:{}:{}:{}", n_.inputs[3].constant_key, n_.inputs[5].constant_key, w_.outputs, w_.taps,
                       w_.output_step);
  }
  /// The zero point of the input.
  std::int32_t zero() const { return integers_of(*n_.inputs[2].constant)[0]; }
  /// The same where dot4 takes the input, as uint8.
  std::int32_t zero_of_bytes() const { return zero() + (tile_.is_signed ? 128 : 0); }

  /// Of inputs with `chunk` channels in a block or row.
  packing weights(std::int64_t interleave, std::int64_t chunk) const {
    return pack_products("quantized", key_of_weights(), w_, interleave, chunk, tile_.words);
  }
  /// The bias of sums whose inputs have the zero point `zero`.
  packing bias(std::int32_t zero) const {
    auto const key = fmt::format("quantized bias:{}:{}:{}", key_of_weights(),
                                 has_input(n_, 8) ? n_.inputs[8].constant_key : "", zero);
    return pack_quantized_bias(key, w_, has_input(n_, 8) ? *n_.inputs[8].constant : any_tensor{}, zero);
  }
  /// For each output what its sums are multiplied with.
  packing scale() const {
    auto const& in = n_.inputs;
    auto const bytes = round_up(w_.outputs, channel_block) * 4;
    return {.key = fmt::format("quantized scale:{}:{}:{}", in[1].constant_key, in[4].constant_key, in[6].constant_key),
            .bytes = bytes,
            .fill = [all = scales_of_sums(n_), outputs = w_.outputs, bytes](std::byte* to) {
              std::memset(to, 0, static_cast<std::size_t>(bytes));
              for (std::int64_t o = 0; o < outputs; ++o)
                std::memcpy(to + o * 4, &all[all.size() == 1 ? 0 : static_cast<std::size_t>(o)], 4);
            }};
  }

 private:
  scheduled_node const& n_;
  quantized_weights w_;
  quantized_tile tile_{};
};

}  // namespace sinter::detail
