#pragma once

#include <sinter/ops/integer_gemm.hpp>
#include <sinter/schedules/byte_gemm.hpp>
#include <sinter/schedules/tile_gemm.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

/// sinter.IntegerGemm with constant weights: row-major 8-bit integers times a constant matrix, as float32 with an
/// epilogue; see byte_gemm.hpp, and for machines with AMX tile_gemm.hpp: sums are exact, so both have the same bits.
namespace sinter {
namespace detail {

/// Whether tiles multiply it, and sooner than other registers.
inline bool fills_tiles(scheduled_node const& n, byte_gemm_shape const& s, target const& t) {
  constexpr std::int64_t few_rows = 4;
  return multiplies_tiles(t) && n.inputs[0].type.element == dtype::uint8 && s.depth % (2 * tile_depth) == 0 &&
         s.rows > few_rows;
}

inline double integer_gemm_cost(scheduled_node const& n, byte_gemm_shape const& s, target const& t) {
  auto const cost = byte_gemm_cost(s, t);
  return fills_tiles(n, s, t) ? tile_product_cost(byte_products_at_once(t) * cost, s.rows) / 2 : cost;
}

/// By tiles, of packed weights and their sums.
inline fragment integer_tile_gemm_build(scheduled_node const& n, byte_gemm_shape const& s, packing products,
                                        packing sums, target const& t) {
  fragment code;
  tile_matrix m{.name = "integer_tile_gemm", .rows = s.rows, .depth_bytes = s.depth, .columns = s.columns};
  m.interleave = gemm_interleave;
  m.integers = true;
  m.x = {.in = space::input, .index = 0};
  m.x_row = s.depth;
  m.x_chunk = 64;
  m.x_rows = tile_product_rows * s.depth;
  m.w = code.weight(std::move(products));
  auto const& zero_point = n.inputs[2];
  m.values = {{zero_point.constant ? code.weight(pack_raw(zero_point)) : address{.in = space::input, .index = 2}, 0},
              {code.weight(std::move(sums)), channel_block * 4}};
  m.extras =
      bind_extras(n, n.op.attributes_as<integer_gemm::attributes>().epilogue, 3, n.outputs[0].shape().rank() - 1, code);
  add_tile_matrix(m, t, code);
  return code;
}

inline fragment integer_gemm_build(scheduled_node const& n, byte_gemm_shape const& s, target const& t) {
  auto w = s.weights();
  w.tensor = *n.inputs[1].constant;
  w.zero_point = any_tensor(dtype::int8, shape{});
  auto const key = fmt::format("{}:{}", n.inputs[1].constant_key, s.columns);
  bool const in_tiles = fills_tiles(n, s, t);
  quantized_tile const tile{
      .reals = true, .words = !in_tiles && multiplies_words(t), .is_signed = n.inputs[0].type.element == dtype::int8};
  auto products = pack_products("integer gemm", key, w, gemm_interleave, s.depth, tile.words);
  auto sums = pack_quantized_bias("sums of weights:" + key, std::move(w), {}, -1);
  if (in_tiles) return integer_tile_gemm_build(n, s, std::move(products), std::move(sums), t);
  byte_gemm_code code(s, tile, std::move(products), t);
  code.of_all(n.inputs[2], 2);
  code.of_columns(std::move(sums));
  code.epilogue(n, n.op.attributes_as<integer_gemm::attributes>().epilogue, 3);
  return code.build();
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
  auto const s = byte_gemm_shape::of(n.inputs[0].shape(), b.shape());
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}},
           .cost = integer_gemm_cost(n, s, t),
           .build = [s, t](scheduled_node const& at) { return integer_gemm_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule integer_gemm_schedule{.name = "integer gemm", .offer = detail::integer_gemm_offer};

}  // namespace sinter
