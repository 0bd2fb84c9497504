#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/fuse_quantized.hpp>
#include <sinter/passes/match_quantized.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace sinter::passes {

namespace detail {

/// Constant int8 weights without zero points, as a value of the graph; none where they do not fit.
inline std::optional<value_id> plain_weights(rewriter& r, node const& product) {
  auto& g = r.get();
  auto const* const w = constant_input(g, product, 1);
  if (!w || !is_byte(w->type()) || w->shape().rank() != 2 || w->elements() == 0) return std::nullopt;
  any_tensor zeros(w->type(), shape{});
  if (product.inputs.size() > 3 && product.inputs[3]) {
    auto const* const given = constant_input(g, product, 3);
    if (!given || given->type() != w->type()) return std::nullopt;
    zeros = *given;
  }
  auto const depth = w->shape()[0], columns = w->shape()[1];
  bool const one_each = zeros.elements() == 1 || zeros.shape() == shape{columns};
  if (depth % 4 != 0 || !one_each || !fits_byte_products(*w, zeros, 1, nullptr, depth)) return std::nullopt;
  auto const all = integers_of(*w), without = integers_of(zeros);
  if (w->type() == dtype::int8 && std::ranges::count(without, 0) == std::ssize(without)) return product.inputs[1];
  r.fold_budget().charge(w->bytes());
  any_tensor plain(dtype::int8, w->shape());
  auto* const to = static_cast<std::int8_t*>(plain.data());
  for (std::size_t i = 0; i < all.size(); ++i)
    to[i] = static_cast<std::int8_t>(all[i] - without[without.size() == 1 ? 0 : i % without.size()]);
  return g.add_constant(g.at(product.inputs[1]).name + "_plain", std::move(plain));
}

/// The zero point of the left factor of a MatMulInteger, one element; none where there are several.
inline std::optional<value_id> left_zero_point(graph& g, node const& product) {
  auto const type = g.at(product.inputs[0]).type.element;
  if (product.inputs.size() < 3 || !product.inputs[2]) return g.add_constant("zero_point", any_tensor(type, shape{}));
  auto const& zero = g.at(product.inputs[2]).type;
  return zero.element == type && zero.shape && zero.shape->elements() == 1 ? std::optional(product.inputs[2])
                                                                           : std::nullopt;
}

/// A MatMulInteger, perhaps a constant added to it for each column, whose product with a constant scale is quantised,
/// becomes sinter.QuantizedGemm.
inline bool fuse_quantized_product(rewriter& r, node_id id) {
  auto& g = r.get();
  auto const end = quantized_end_of(g, g.at(id));
  if (!end || !is(g.at(end->source), "Mul")) return false;
  auto const& product = g.at(end->source);
  auto const alone = [&](node const& n, std::size_t slot, char const* op) {
    auto const* const from = producer(g, n, slot);
    return from && is(*from, op) && used_once(g, n.inputs[slot]) ? from : nullptr;
  };
  auto const slot = alone(product, 0, "Cast") ? std::size_t{0} : std::size_t{1};
  auto const* const cast = alone(product, slot, "Cast");
  auto const* const scale = float_input(g, product, 1 - slot);
  if (!cast || !scale) return false;
  auto const* const sum = alone(*cast, 0, "Add");
  auto const* const integers = sum ? alone(*sum, 0, "MatMulInteger") : alone(*cast, 0, "MatMulInteger");
  if (!integers) return false;
  auto const source = *integers;
  auto const scale_id = product.inputs[1 - slot], bias = sum ? sum->inputs[1] : value_id{};
  auto const w = plain_weights(r, source);
  auto const zero = w ? left_zero_point(g, source) : std::nullopt;
  auto const& x = g.at(source.inputs[0]).type;
  if (!zero || !g.at(*zero).is_constant() || !is_byte(x.element) || !x.shape || x.shape->rank() < 2) return false;
  auto const& weights = g.at(*w).constant;
  shape const columns{weights.shape()[1]};
  if (scale->elements() != 1 && scale->shape() != columns) return false;
  if (bias && (!g.at(bias).is_constant() || g.at(bias).constant.shape() != columns)) return false;
  any_tensor const none(dtype::int8, shape{});
  auto const* const addend = bias ? &g.at(bias).constant : nullptr;
  if (!fits_byte_products(weights, none, 1, addend, weights.shape()[0])) return false;
  node made{.domain = "sinter", .op = "QuantizedGemm", .version = 1, .attributes = end->bounds};
  auto const one = g.add_constant("one", any_tensor::scalar(1.0f)), zeros = g.add_constant("zero_point", none);
  made.inputs = {source.inputs[0], one, *zero, *w, scale_id, zeros, end->y.scale, zero_point_of(g, end->y)};
  if (bias) made.inputs.push_back(bias);
  replace_node(g, id, std::move(made));
  return true;
}

/// Gemm or MatMul of dequantised values and weights, whose result stays real, multiplies integers: sinter.IntegerGemm,
/// its scale, and the bias.
inline bool fuse_real_product(rewriter& r, node_id id) {
  auto& g = r.get();
  auto const n = g.at(id);
  auto const f = gemm_factors(r, n);
  if (!f) return false;
  auto const type = g.at(n.outputs[0]).type;
  if (!type.shape || g.at(n.inputs[1]).type.element != dtype::float32) return false;
  auto const zeros = g.add_constant("weights_zero_point", f->w.zero_points);
  node product{.domain = "sinter", .op = "IntegerGemm", .version = 1};
  product.inputs = {f->x.value, f->w.value, f->x.zero_point, zeros};
  auto const w = plain_weights(r, product);
  if (!w) return false;
  std::vector<float> scales = f->w.steps;
  for (auto& scale : scales) scale *= f->x.step;
  auto const scale = g.add_constant("scale", any_tensor::of<float>({std::ssize(scales)}, scales));
  auto const next = [&](char const* what) { return g.add_value(g.at(n.outputs[0]).name + what, type); };
  product.inputs = {f->x.value, *w, zero_point_of(g, f->x)};
  product.outputs = {next("_sums")};
  auto real = product.outputs[0];
  g.add_node(std::move(product));
  bool const biased = n.inputs.size() > 2 && n.inputs[2];
  node scaled{.op = "Mul", .version = 14, .inputs = {real, scale}};
  if (!biased) return replace_node(g, id, std::move(scaled)), true;
  real = next("_scaled");
  scaled.outputs = {real};
  g.add_node(std::move(scaled));
  replace_node(g, id, {.op = "Add", .version = 14, .inputs = {real, n.inputs[2]}});
  return true;
}

}  // namespace detail

/// MatMulInteger with a constant matrix becomes sinter.QuantizedGemm where it is scaled by a constant and quantised.
/// With Cast of its result to float32, it becomes sinter.IntegerGemm, whose epilogue then takes the scale: what
/// quantisation at run time consists of. Products of dequantised values whose results are not quantised do, too.
inline void fuse_integer_product(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (detail::fuse_quantized_product(r, id) || detail::fuse_real_product(r, id)) return r.rewrote();
    if (!is(g.at(id), "Cast") || g.at(g.at(id).outputs[0]).type.element != dtype::float32) return;
    auto const* const from = producer(g, g.at(id), 0);
    if (!from || !is(*from, "MatMulInteger") || !used_once(g, g.at(id).inputs[0])) return;
    auto const product = *from;
    auto const& x = g.at(product.inputs[0]).type;
    if (!detail::is_byte(x.element) || !x.shape || x.shape->rank() < 2) return;
    auto const w = detail::plain_weights(r, product);
    if (!w) return;
    auto const zero = detail::left_zero_point(g, product);
    if (!zero) return;
    node made{.domain = "sinter", .op = "IntegerGemm", .version = 1, .inputs = {product.inputs[0], *w, *zero}};
    replace_node(g, id, std::move(made));
    r.rewrote();
  });
}

}  // namespace sinter::passes
