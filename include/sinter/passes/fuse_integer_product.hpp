#pragma once

#include <sinter/passes/edit.hpp>
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

}  // namespace detail

/// MatMulInteger with a constant matrix, and Cast of its result to float32, become sinter.IntegerGemm, whose epilogue
/// then takes the scale: what quantisation at run time consists of.
inline void fuse_integer_product(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
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
