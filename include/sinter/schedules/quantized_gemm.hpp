#pragma once

#include <sinter/schedules/byte_gemm.hpp>
#include <sinter/schedules/byte_tile_product.hpp>

#include <vector>

/// sinter.QuantizedGemm: row-major 8-bit integers times a constant matrix, requantised; see byte_gemm.hpp, and for
/// machines with AMX byte_tile_product.hpp: sums are exact, so both have the same bits.
namespace sinter {
namespace detail {

/// Whether tiles multiply it, and sooner than other registers.
inline bool is_quantized_tile_gemm(scheduled_node const& n, byte_gemm_shape const& s, target const& t) {
  constexpr std::int64_t few_rows = 4;
  return multiplies_tiles(t) && n.inputs[0].type.element == dtype::uint8 && s.depth % byte_tile_depth == 0 &&
         s.rows > few_rows;
}

/// By tiles.
inline fragment quantized_tile_gemm_build(scheduled_node const& n, byte_gemm_shape const& s,
                                          quantized_product const& product, target const& t) {
  fragment code;
  auto const operands = byte_tile_operands::of(n, product, {.in = space::input, .index = 0}, code);
  byte_tile_product p{.name = "quantized_tile_gemm"};
  p.x_row = s.depth;
  p.chunks = s.depth / byte_tile_depth;
  p.y_row = s.columns;
  p.quantized = product.tile();
  operands.add(p, 1, 0, 0, s.rows, s.columns, false, t, code);
  return code;
}

inline fragment quantized_gemm_build(scheduled_node const& n, byte_gemm_shape const& s, target const& t) {
  auto const& result = n.op.attributes_as<quantized_gemm::attributes>();
  bool const in_tiles = is_quantized_tile_gemm(n, s, t);
  quantized_product const product(n, s.weights(), result, !in_tiles && multiplies_words(t));
  if (in_tiles) return quantized_tile_gemm_build(n, s, product, t);
  byte_gemm_code code(s, product.tile(), product.weights(gemm_interleave, s.depth), t);
  code.of_columns(product.bias(product.zero_of_bytes()));
  code.of_columns(product.scale());
  code.addend(n);
  return code.build();
}

inline std::vector<candidate> quantized_gemm_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "QuantizedGemm" || !has_quantized_operands(n)) return {};
  if (!is_byte_gemm(n.inputs[0], n.inputs[3]) || !sums_fit(n, 1)) return {};
  auto const s = byte_gemm_shape::of(n.inputs[0].shape(), n.inputs[3].shape());
  bool const in_tiles = is_quantized_tile_gemm(n, s, t);
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major),
                       .outputs = {layout::row_major},
                       .in_place = overwritable_addend(n)},
           .cost = in_tiles ? tile_product_cost(4 * byte_gemm_cost(s, t), s.rows) / 2 : byte_gemm_cost(s, t),
           .build = [s, t](scheduled_node const& at) { return quantized_gemm_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule quantized_gemm_schedule{.name = "quantized gemm", .offer = detail::quantized_gemm_offer};

}  // namespace sinter
