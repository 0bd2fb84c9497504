#pragma once

#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/vector/builder.hpp>

#include <vector>

namespace sinter {

/// The operands of a tile in the kernel under construction.
struct contraction_operands {
  vector::pointer x{}, w{}, bias{}, y{};
  vector::pointer scale{}, zero_point{}, weight_sums{};  ///< of integers
  std::vector<vector::pointer> extras{};
};

/// Declares x, w, bias if any, of integers the scale or the zero point of x and the sums of the weights, the epilogue's
/// extras, y.
inline contraction_operands declare_operands(contraction_tile const& t, vector::builder& b) {
  using vector::access;
  using enum vector::element;
  contraction_operands o;
  auto const sums = t.quantized ? i32 : f32, factors = t.factors == tile_factors::pairs ? i32 : sums;
  auto const weights = t.factors == tile_factors::widened ? bf16 : factors;
  auto const result = t.y_element() == 4 ? f32 : t.quantized->signed_result ? s8 : u8;
  o.x = b.argument("x", access::in, t.x_bytes(), factors);
  o.w = b.argument("w", t.dense_weights ? access::constant : access::in, t.w_bytes(), weights);
  if (t.bias) o.bias = b.argument("b", access::constant, t.blocks() * 64, sums);
  if (t.y_element() == 1) o.scale = b.argument("s", access::constant, t.blocks() * 64);
  if (t.quantized && t.quantized->reals) {
    o.zero_point = b.argument("z", access::in, 1, t.quantized->is_signed ? s8 : u8, 1);
    o.weight_sums = b.argument("c", access::constant, t.blocks() * 64, i32);
  }
  o.extras = t.epilogue.declare(b, t.y_bytes(), t.channel_bytes());
  o.y = b.argument("y", access::out, t.y_bytes(), result, vector::size_of(result));
  return o;
}

}  // namespace sinter
