#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/match_quantized.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace sinter::passes {

namespace detail {

/// A quantised product that a sum reads, and nothing else.
struct summed_product {
  node_id id{};
  std::size_t slot = 0;  ///< of the sum
};

inline bool same_number(graph const& g, value_id a, value_id b) {
  auto const &x = g.at(a), &y = g.at(b);
  if (!x.is_constant() || !y.is_constant() || x.type.element != y.type.element) return false;
  if (x.constant.elements() != 1 || y.constant.elements() != 1) return false;
  return x.type.element == dtype::float32 ? x.constant.as<float>()[0] == y.constant.as<float>()[0]
                                          : integers_of(x.constant) == integers_of(y.constant);
}

/// The product in input `slot` of a sinter.QuantizedAdd, if it may take the other term for its addend.
inline std::optional<summed_product> product_in_sum(graph const& g, node const& sum, std::size_t slot) {
  auto const value = sum.inputs[slot];
  auto const id = g.at(value).producer;
  if (!id || !used_once(g, value)) return std::nullopt;
  auto const& n = g.at(id);
  if (!is_fused(n, "QuantizedConv") && !is_fused(n, "QuantizedGemm")) return std::nullopt;
  if (n.inputs.size() > quantized_product_result::addend) return std::nullopt;
  bool const reads_as_written =
      same_number(g, n.inputs[6], sum.inputs[slot + 1]) && same_number(g, n.inputs[7], sum.inputs[slot + 2]);
  return reads_as_written ? std::optional(summed_product{id, slot}) : std::nullopt;
}

/// Of two products the one that comes later: so the other one's result is there when it needs it.
inline std::optional<summed_product> later_product(graph const& g, node const& sum) {
  auto const a = product_in_sum(g, sum, 0), b = product_in_sum(g, sum, 3);
  if (!a || !b) return a ? a : b;
  auto const order = g.topological_order();
  return std::ranges::find(order, a->id) > std::ranges::find(order, b->id) ? a : b;
}

/// Whether kernels of products can compute the sum.
inline bool terms_fit(graph const& g, node const& sum) {
  auto const a = scalar_input(g, sum, 1), b = scalar_input(g, sum, 4), y = scalar_input(g, sum, 6);
  return a && b && y && adds_steps(*a, *b, *y);
}

}  // namespace detail

/// A quantised product (sinter.QuantizedConv, QuantizedGemm) that only a sinter.QuantizedAdd reads computes the sum:
/// the other term becomes its addend.
inline void fuse_quantized_addend(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& sum = g.at(id);
    if (!is_fused(sum, "QuantizedAdd") || !detail::terms_fit(g, sum)) return;
    auto const product = detail::later_product(g, sum);
    if (!product) return;
    auto const& n = g.at(product->id);
    node made{.domain = n.domain, .op = n.op, .version = n.version, .attributes = n.attributes, .inputs = n.inputs};
    made.inputs.resize(quantized_product_result::addend);  // the bias may be omitted
    auto const other = 3 - product->slot;
    for (auto const slot : {other, other + 1, other + 2, std::size_t{6}, std::size_t{7}})
      made.inputs.push_back(sum.inputs[slot]);
    for (auto const& [name, bound] : sum.attributes) made.attributes["sum_" + name] = bound;
    replace_node(g, id, std::move(made));
    g.erase(product->id);
    r.rewrote();
  });
}

}  // namespace sinter::passes
