#pragma once

#include <sinter/ops/integer_gemm.hpp>
#include <sinter/schedules/byte_gemm.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

/// sinter.IntegerGemm with constant weights: row-major 8-bit integers times a constant matrix, as float32 with an
/// epilogue; see byte_gemm.hpp.
namespace sinter {
namespace detail {

inline fragment integer_gemm_build(scheduled_node const& n, byte_gemm_shape const& s, target const& t) {
  fragment code;
  auto w = s.weights();
  w.tensor = *n.inputs[1].constant;
  w.zero_point = any_tensor(dtype::int8, shape{});
  auto const key = fmt::format("{}:{}", n.inputs[1].constant_key, s.columns);
  quantized_tile const tile{.reals = true, .words = multiplies_words(t), .is_signed = s.is_signed};
  product_operands operands{.quantized = tile};
  auto const& zero_point = n.inputs[2];
  operands.values = {
      {zero_point.constant ? code.weight(pack_raw(zero_point)) : address{.in = space::input, .index = 2}, 0}};
  operands.of_columns(pack_quantized_bias("sums of weights:" + key, w, {}, -1), code);
  operands.extras =
      bind_extras(n, n.op.attributes_as<integer_gemm::attributes>().epilogue, 3, n.outputs[0].shape().rank() - 1, code);
  auto products = pack_products("integer gemm", key, std::move(w), byte_gemm_interleave(s, t), s.depth, tile.words);
  return byte_gemm_code(s, std::move(products), std::move(operands), t, std::move(code)).build();
}

inline std::vector<candidate> integer_gemm_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "IntegerGemm" || !n.inputs[1].constant) return {};
  auto const& b = n.inputs[1];
  if (!is_byte_gemm(n.inputs[0], b) || b.type.element != dtype::int8) return {};
  if (n.inputs[2].type.element != n.inputs[0].type.element) return {};
  auto const axis = n.outputs[0].shape().rank() - 1;
  if (!fits_byte_products(*b.constant, any_tensor(dtype::int8, shape{}), 1, nullptr, b.shape()[0]) ||
      !supports_extras(n, 3, axis))
    return {};
  auto const s = byte_gemm_shape::of(n.inputs[0], b);
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}},
           .cost = byte_gemm_cost(s, t),
           .build = [s, t](scheduled_node const& at) { return integer_gemm_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule integer_gemm_schedule{.name = "integer gemm", .offer = detail::integer_gemm_offer};

}  // namespace sinter
