#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/core/float16.hpp>
#include <sinter/graph/rewriter.hpp>
#include <sinter/passes/eliminate_dead.hpp>
#include <sinter/quantize/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// Weights of fewer bits, activations of float32.
namespace sinter::quantize {

struct block_options {
  std::int64_t bits = 4;    ///< 4 or 8
  std::int64_t block = 32;  ///< rows of a column that share a scale; a power of two, 16 or more
};

namespace detail {

/// A matrix [K,N] in the form of MatMulNBits: for each column and block of rows the numbers, low bits first, and their
/// scale. A number q is (q - 2^(bits-1)) * scale.
struct packed_blocks {
  any_tensor numbers{}, scales{};
};

/// The scale of a block: its element of the largest magnitude is the least number.
inline float block_scale(std::span<float const> block, std::int64_t bits) {
  float extreme = 0;
  for (float const v : block)
    if (std::fabs(v) > std::fabs(extreme)) extreme = v;
  return extreme / -static_cast<float>(1 << (bits - 1));
}

inline packed_blocks pack_blocks(any_tensor const& w, block_options const& how) {
  auto const depth = w.shape()[0], columns = w.shape()[1], blocks = ceil_div(depth, how.block);
  packed_blocks result{.numbers = any_tensor(dtype::uint8, {columns, blocks, how.block * how.bits / 8}),
                       .scales = any_tensor(dtype::float32, {columns * blocks})};
  auto const from = w.as<float>();
  auto* numbers = static_cast<std::uint8_t*>(result.numbers.data());
  auto* scale = static_cast<float*>(result.scales.data());
  auto const middle = static_cast<float>(1 << (how.bits - 1)), most = 2 * middle - 1;
  std::vector<float> block;
  for (std::int64_t n = 0; n < columns; ++n)
    for (std::int64_t first = 0; first < depth; first += how.block, ++scale, numbers += how.block * how.bits / 8) {
      block.clear();
      for (auto k = first; k < std::min(depth, first + how.block); ++k)
        block.push_back(from[static_cast<std::size_t>(k * columns + n)]);
      *scale = block_scale(block, how.bits);
      for (std::size_t i = 0; i < block.size(); ++i) {
        auto const q = *scale == 0 ? middle : std::clamp(std::nearbyint(block[i] / *scale) + middle, 0.0f, most);
        auto const bit = static_cast<std::int64_t>(i) * how.bits;
        numbers[bit / 8] = static_cast<std::uint8_t>(numbers[bit / 8] | static_cast<unsigned>(q) << bit % 8);
      }
    }
  return result;
}

/// A constant of float32 as float16 or bfloat16; none where numbers would become infinite.
inline std::optional<any_tensor> halved(any_tensor const& t, dtype type) {
  any_tensor result(type, t.shape());
  auto const from = t.as<float>();
  auto* const to = static_cast<std::uint16_t*>(result.data());
  for (std::size_t i = 0; i < from.size(); ++i) {
    to[i] = type == dtype::float16 ? float_to_half(from[i]) : float_to_bfloat16(from[i]);
    auto const back = type == dtype::float16 ? half_to_float(to[i]) : bfloat16_to_float(to[i]);
    if (std::isfinite(from[i]) && !std::isfinite(back)) return std::nullopt;
  }
  return result;
}

}  // namespace detail

/// Stores the weights of Gemm and MatMul of a graph in standard form in 4 or 8 bits, with a scale for each block of
/// rows: MatMulNBits of com.microsoft. Errors: invalid_argument where there is none.
inline graph store_blocks(graph g, block_options const& how = {}) {
  g.opsets["com.microsoft"] = 1;
  auto const count = detail::for_each_matrix(g, [&](node_id id, any_tensor const& w) {
    if (w.shape()[0] < how.block) return false;
    detail::replacement r(g, id);
    auto packed = detail::pack_blocks(w, how);
    node n{.domain = "com.microsoft", .op = "MatMulNBits", .version = 1};
    n.attributes = {{"K", w.shape()[0]}, {"N", w.shape()[1]}, {"bits", how.bits}, {"block_size", how.block}};
    auto const numbers = r.constant("_weights", std::move(packed.numbers));
    n.inputs = {r.input(), numbers, r.constant("_weights_scale", std::move(packed.scales))};
    r.finish(std::move(n));
    return true;
  });
  if (count == 0)
    fail(error_code::invalid_argument,
         "nothing to quantise: the model has no Gemm or MatMul of float32 with constant weights of {} rows or more",
         how.block);
  rewriter r(g);
  passes::eliminate_dead(r);
  return g;
}

/// Stores constants of float32 in `type`, float16 or bfloat16, each with a Cast to float32 behind it: what is computed
/// stays float32, on every runtime. Constants of fewer than 32 elements, and those with numbers beyond the type, stay
/// as they are. Errors: invalid_argument where all do.
inline graph store_halves(graph g, dtype type) {
  constexpr std::size_t least_elements = 32;
  bool any = false;
  auto const count = static_cast<std::int32_t>(g.value_count());
  for (value_id v{0}; v.index < count; ++v.index) {
    auto const& old = g.at(v);
    if (!old.is_constant() || old.users.empty() || g.is_output(v)) continue;
    if (old.constant.type() != dtype::float32 || old.constant.elements() < least_elements) continue;
    auto half = detail::halved(old.constant, type);
    if (!half) continue;
    any = true;
    auto const stored = g.add_constant(old.name + "_half", std::move(*half));
    auto const wide = g.add_value(old.name + "_wide", old.type);
    g.replace_uses(v, wide);
    node n{.name = g.at(wide).name, .op = "Cast", .version = g.opsets.at("")};
    n.attributes = {{"to", static_cast<std::int64_t>(dtype::float32)}};
    n.inputs = {stored};
    n.outputs = {wide};
    g.add_node(std::move(n));
  }
  if (!any)
    fail(error_code::invalid_argument, "nothing to store in 16 bits: the model has no constants of {} float32 or more",
         least_elements);
  return g;
}

}  // namespace sinter::quantize
