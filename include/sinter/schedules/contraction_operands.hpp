#pragma once

#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/vector/builder.hpp>

#include <optional>
#include <vector>

namespace sinter {

/// The operands of a tile in the kernel under construction.
struct contraction_operands {
  vector::pointer x{}, w{}, bias{}, y{};
  std::optional<vector::pointer> scale{};       ///< of integers that are requantised
  vector::pointer zero_point{}, weight_sums{};  ///< of integers that become float32
  std::vector<vector::pointer> extras{};
  vector::pointer ahead{};  ///< what `contraction_tile::w_ahead` fetches
};

/// What memory holds of the results of a tile of integers that are none of float32.
constexpr vector::element result_element(quantized_tile const& q) {
  using enum vector::element;
  return q.sums ? i32 : q.signed_result ? s8 : u8;
}

/// Declares x, w, bias if any, of integers the scale or the zero point of x and the sums of the weights, the epilogue's
/// extras, y, and `next` if `contraction_tile::w_ahead_at` says so.
inline contraction_operands declare_operands(contraction_tile const& t, vector::builder& b) {
  using vector::access;
  using enum vector::element;
  contraction_operands o;
  auto const sums = t.quantized ? i32 : f32, factors = t.factors == tile_factors::pairs ? i32 : sums;
  auto const weights = t.factors == tile_factors::bfloat16_weights  ? bf16
                       : t.factors == tile_factors::float16_weights ? f16
                                                                    : factors;
  auto const result = !t.quantized || t.quantized->reals ? f32 : result_element(*t.quantized);
  o.x = b.argument("x", access::in, t.x_bytes(), factors);
  o.w = b.argument("w", t.dense_weights ? access::constant : access::in, t.w_bytes(), weights);
  if (t.bias) o.bias = b.argument("b", access::constant, t.blocks() * 64, sums);
  if (t.y_element() == 1) o.scale = b.argument("s", access::constant, t.blocks() * 64);
  if (t.quantized && t.quantized->reals) {
    o.zero_point = b.argument("z", access::in, 1, t.quantized->is_signed ? s8 : u8, 1);
    o.weight_sums = b.argument("c", access::constant, t.blocks() * 64, i32);
  }
  o.extras = t.epilogue.declare(b, t.y_bytes(), t.channel_bytes(), t.quantized ? t.quantized->addend_element() : f32);
  o.y = b.argument("y", access::out, t.y_bytes(), result, vector::size_of(result));
  if (t.w_ahead_at > 0)
    o.ahead = b.stream("ahead", b.argument("next", access::constant, cache_line, weights), t.w_ahead_at);
  return o;
}

}  // namespace sinter
