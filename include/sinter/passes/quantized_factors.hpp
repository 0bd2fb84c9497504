#pragma once

#include <sinter/graph/rewriter.hpp>
#include <sinter/passes/match_quantized.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Products of dequantised values and constant weights.
namespace sinter::passes::detail {

/// What a product of quantised values multiplies, and the bias in units of the sums.
struct quantized_factors {
  quantized_value x{};
  quantized_constant w{};
  std::optional<any_tensor> bias{};
};

/// Factors of a product whose outputs are axis `axis` of its weights; none where kernels do not take them.
inline std::optional<quantized_factors> factors_of(graph const& g, node const& n, std::size_t axis) {
  auto const x = dequantized(g, n, 0);
  auto const w = dequantized_constant(g, n, 1, axis);
  if (!x || !w) return std::nullopt;
  quantized_factors f{.x = *x, .w = *w};
  auto const& weights = g.at(w->value).constant;
  auto const outputs = weights.shape()[axis];
  if (outputs == 0 || weights.elements() == 0) return std::nullopt;
  if (n.inputs.size() > 2 && n.inputs[2]) {
    f.bias = quantized_bias(g, n, 2, outputs, x->step, w->steps);
    if (!f.bias) return std::nullopt;
  }
  auto const depth = static_cast<std::int64_t>(weights.elements()) / outputs;
  return fits_byte_products(weights, w->zero_points, axis, f.bias ? &*f.bias : nullptr, depth) ? std::optional(f)
                                                                                               : std::nullopt;
}

/// An 8-bit matrix transposed.
inline any_tensor transposed_bytes(any_tensor const& matrix) {
  auto const rows = matrix.shape()[0], columns = matrix.shape()[1];
  any_tensor result(matrix.type(), {columns, rows});
  std::vector<std::byte> from(matrix.bytes());
  matrix.read(0, from);
  auto* const to = static_cast<std::byte*>(result.data());
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[static_cast<std::size_t>(r * columns + c)];
  return result;
}

/// Whether a Gemm is A·B + C, where C has a value for each column; B may be transposed. A MatMul is that, too.
inline bool is_plain_gemm(graph const& g, node const& n) {
  if (is(n, "MatMul")) return true;
  if (!is(n, "Gemm") || attribute_or<std::int64_t>(n, "transA", 0) != 0) return false;
  if (attribute_or(n, "alpha", 1.0f) != 1 || attribute_or(n, "beta", 1.0f) != 1) return false;
  if (n.inputs.size() < 3 || !n.inputs[2]) return true;
  auto const& c = g.at(n.inputs[2]).type.shape;
  return c && !c->empty() && static_cast<std::size_t>(c->back()) == c->elements();
}

/// Factors of a matrix product with constant weights, which are [depth][columns] then; none where it is another node,
/// or kernels do not take them.
inline std::optional<quantized_factors> gemm_factors(rewriter& r, node const& n) {
  auto& g = r.get();
  if (!is_plain_gemm(g, n)) return std::nullopt;
  bool const transposed = attribute_or<std::int64_t>(n, "transB", 0) != 0;
  auto f = factors_of(g, n, transposed ? 0 : 1);
  if (!f) return std::nullopt;
  auto const& weights = g.at(f->w.value).constant;
  auto const& x = g.at(f->x.value).type.shape;
  if (weights.shape().rank() != 2 || weights.shape()[transposed ? 1 : 0] % 4 != 0) return std::nullopt;
  if (is(n, "MatMul") && (!x || x->rank() < 2)) return std::nullopt;
  if (transposed) {
    r.fold_budget().charge(weights.bytes());
    f->w.value = g.add_constant(g.at(f->w.value).name + "_transposed", transposed_bytes(weights));
  }
  return f;
}

/// The same of a MatMul and the sum `n` of what it alone gives and a constant with a value for each column.
inline std::optional<quantized_factors> biased_factors(rewriter& r, node const& n) {
  auto const& g = r.get();
  for (std::size_t const slot : {0, 1}) {
    auto const* const product = producer(g, n, slot);
    auto const* const bias = float_input(g, n, 1 - slot);
    if (!product || !is(*product, "MatMul") || !used_once(g, n.inputs[slot]) || !bias || bias->shape().empty())
      continue;
    auto const rank = bias->shape().rank();
    if (static_cast<std::size_t>(bias->shape().back()) != bias->elements()) continue;
    auto f = gemm_factors(r, node(*product));
    if (!f || rank > g.at(f->x.value).type.shape->rank()) continue;
    auto const& weights = g.at(f->w.value).constant;
    f->bias = quantized_bias(g, n, 1 - slot, weights.shape()[1], f->x.step, f->w.steps);
    if (f->bias && fits_byte_products(weights, f->w.zero_points, 1, &*f->bias, weights.shape()[0])) return f;
  }
  return std::nullopt;
}

}  // namespace sinter::passes::detail
