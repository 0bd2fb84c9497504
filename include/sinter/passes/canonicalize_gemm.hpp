#pragma once

#include <sinter/kernels/matmul.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_transposes.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

namespace detail {

/// A copy of a float32 tensor, each element multiplied by `factor`.
inline any_tensor scaled(any_tensor const& t, float factor) {
  any_tensor result(dtype::float32, t.shape());
  std::ranges::transform(t.as<float>(), static_cast<float*>(result.data()), [&](float v) { return v * factor; });
  return result;
}

/// A constant equal to `t * factor`, which is input `slot` of `n`, or that input itself for the factor 1.
inline value_id scaled_input(rewriter& r, node const& n, std::size_t slot, float factor) {
  auto& g = r.get();
  if (factor == 1) return n.inputs[slot];
  auto const& source = g.at(n.inputs[slot]);
  r.fold_budget().charge(source.constant.bytes());
  return g.add_constant(source.name + "_scaled", scaled(source.constant, factor));
}

/// The bias vector [N] of a Gemm whose input C is a constant that broadcasts along the rows, beta included. An
/// omitted C gives no value; a C that does not fit gives none at all.
inline std::optional<value_id> gemm_bias(rewriter& r, node const& n, std::int64_t columns) {
  auto& g = r.get();
  if (n.inputs.size() < 3 || !n.inputs[2]) return value_id{};
  auto const beta = attribute_or(n, "beta", 1.0f);
  auto const* c = float_input(g, n, 2);
  if (!c) return std::nullopt;
  if (beta == 1 && c->shape() == shape{columns}) return n.inputs[2];
  auto values = per_channel(*c, columns, 0);
  if (!values) return std::nullopt;
  for (auto& v : *values) v *= beta;
  return g.add_constant(g.at(n.inputs[2]).name + "_bias", any_tensor::of<float>({columns}, *values));
}

/// Gemm as sinter.Gemm, if its first matrix is not transposed, alpha can go into the second one, and C is a bias.
inline std::optional<node> from_gemm(rewriter& r, node const& n) {
  auto& g = r.get();
  if (attribute_or<std::int64_t>(n, "transA", 0) != 0) return std::nullopt;
  auto const alpha = attribute_or(n, "alpha", 1.0f);
  if (alpha != 1 && !float_input(g, n, 1)) return std::nullopt;
  auto const transposed = attribute_or<std::int64_t>(n, "transB", 0);
  auto const columns = (*g.at(n.inputs[1]).type.shape)[transposed ? 0 : 1];
  auto const bias = gemm_bias(r, n, columns);
  if (!bias) return std::nullopt;
  node fused{.domain = "sinter", .op = "Gemm", .version = 1};
  fused.attributes = {{"trans_b", transposed}};
  fused.inputs = {n.inputs[0], scaled_input(r, n, 1, alpha), *bias};
  return fused;
}

/// Whether `n` is a MatMul of a vector with something of known shape that it fits.
inline bool multiplies_vector(graph const& g, node const& n) {
  auto const &a = g.at(n.inputs[0]).type.shape, &b = g.at(n.inputs[1]).type.shape;
  if (n.op != "MatMul" || !a || !b || a->empty() || b->empty() || (a->rank() > 1 && b->rank() > 1)) return false;
  return a->back() == (*b)[b->rank() == 1 ? 0 : b->rank() - 2];
}

/// The value in another shape.
inline value_id reshaped(graph& g, value_id v, shape const& to) {
  if (*g.at(v).type.shape == to) return v;
  auto view = reshape_node(g, v, to);
  auto const result = g.add_value(g.at(v).name + "_matrix", {g.at(v).type.element, to});
  view.outputs = {result};
  g.add_node(std::move(view));
  return result;
}

/// MatMul of vectors as sinter.Gemm of matrices of one row or column, and a Reshape of its result. A constant matrix is
/// multiplied from the left by the column as a row, so that it can be packed.
inline void replace_vector_product(graph& g, node_id id) {
  auto const left = g.at(id).inputs[0], right = g.at(id).inputs[1];
  auto const a = *g.at(left).type.shape, b = *g.at(right).type.shape;
  auto const length = a.back();
  bool const turned = b.rank() == 1 && a.rank() == 2 && g.at(left).is_constant() && !g.at(right).is_constant();
  node fused{.name = g.at(id).name, .domain = "sinter", .op = "Gemm", .version = 1};
  fused.attributes = {{"trans_b", std::int64_t{turned}}};
  auto const row = a.rank() == 1 ? shape{1, length} : a;
  auto const column = b.rank() == 1 ? shape{length, 1} : b;
  if (turned)
    fused.inputs = {reshaped(g, right, shape{1, length}), left, value_id{}};
  else
    fused.inputs = {reshaped(g, left, row), reshaped(g, right, column), value_id{}};
  auto const out = g.at(id).outputs[0];
  auto const result = kernels::extents_of_matmul(a, b).output;
  auto matrix = kernels::extents_of_matmul(row, column).output;
  if (turned) matrix = {1, a[0]};
  auto const product = g.add_value(g.at(out).name + "_matrix", {dtype::float32, matrix});
  fused.outputs = {product};
  g.add_node(std::move(fused));
  replace_node(g, id, reshape_node(g, product, result));
}

inline std::optional<node> from_matmul(graph const& g, node const& n) {
  if (g.at(n.inputs[0]).type.shape->rank() < 2) return std::nullopt;
  node fused{.domain = "sinter", .op = "Gemm", .version = 1};
  fused.attributes = {{"trans_b", std::int64_t{0}}};
  fused.inputs = {n.inputs[0], n.inputs[1], value_id{}};
  return fused;
}

/// Whether the first input of `n` is known to have the rank that the operator wants, also where its shape is open.
inline bool has_known_rank(graph const& g, node const& n) {
  auto const* const before = producer(g, n, 0);
  return g.at(n.inputs[0]).type.shape || (n.op == "Gemm" && before && is(*before, "Flatten"));
}

}  // namespace detail

/// Turns float32 Gemm and MatMul into sinter.Gemm: alpha and beta go into constants, a constant C that is the same for
/// all rows becomes the bias. Vectors become matrices of one row or column. A Gemm with transposed A or another C
/// stays.
inline void canonicalize_gemm(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "Gemm") && !is(n, "MatMul")) return;
    auto const &a = g.at(n.inputs[0]).type, &b = g.at(n.inputs[1]).type;
    if (a.element != dtype::float32 || !detail::has_known_rank(g, n) || !b.shape) return;
    if (detail::multiplies_vector(g, n)) {
      detail::replace_vector_product(g, id);
      return r.rewrote();
    }
    if (b.shape->rank() < 2) return;
    auto fused = n.op == "Gemm" ? detail::from_gemm(r, n) : detail::from_matmul(g, n);
    if (!fused) return;
    replace_node(g, id, std::move(*fused));
    r.rewrote();
  });
}

}  // namespace sinter::passes
