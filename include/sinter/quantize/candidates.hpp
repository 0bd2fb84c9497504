#pragma once

#include <sinter/passes/match.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// Which nodes and values of a graph in standard form are quantised.
namespace sinter::quantize {

/// A product of a value and constant weights: Conv, Gemm or MatMul.
struct product {
  std::size_t outputs = 0;  ///< axis of the weights that the output's channels are
  std::size_t inputs = 1;   ///< axis that the input's channels are; of a Conv those of one group
  bool convolves = false;
};

namespace detail {

using passes::attribute_or;
using passes::is;

inline bool is_float_value(graph const& g, value_id v) {
  return v && !g.at(v).is_constant() && g.at(v).type.element == dtype::float32;
}

template <std::size_t N>
bool is_one_of(node const& n, std::array<std::string_view, N> const& names) {
  return n.domain.empty() && std::ranges::find(names, n.op) != names.end();
}

/// Whether the bias of a product is a constant for each of `outputs` channels, or omitted.
inline bool has_plain_bias(graph const& g, node const& n, std::int64_t outputs) {
  if (n.inputs.size() < 3 || !n.inputs[2]) return true;
  auto const* const bias = passes::float_input(g, n, 2);
  return bias && bias->shape() == shape{outputs};
}

/// Operators that pass on elements of their first input as they are.
inline bool chooses(node const& n) {
  static constexpr std::array<std::string_view, 6> names{"MaxPool", "Reshape",   "Flatten",
                                                         "Squeeze", "Unsqueeze", "Transpose"};
  if (!is_one_of(n, names)) return false;
  return std::ranges::none_of(n.outputs.begin() + 1, n.outputs.end(), [](value_id out) { return bool(out); });
}

}  // namespace detail

/// What product a node is; none: it is no product with constant weights of float32.
inline std::optional<product> product_of(graph const& g, node const& n) {
  bool const convolves = detail::is(n, "Conv"), multiplies = detail::is(n, "MatMul");
  if (!convolves && !multiplies && !detail::is(n, "Gemm")) return std::nullopt;
  auto const* const w = passes::float_input(g, n, 1);
  if (!w || w->elements() == 0 || !detail::is_float_value(g, n.inputs[0])) return std::nullopt;
  product p{.convolves = convolves};
  if (!convolves) {
    if (w->shape().rank() != 2 || detail::attribute_or<std::int64_t>(n, "transA", 0) != 0) return std::nullopt;
    if (detail::attribute_or(n, "alpha", 1.0f) != 1 || detail::attribute_or(n, "beta", 1.0f) != 1) return std::nullopt;
    if (detail::attribute_or<std::int64_t>(n, "transB", 0) == 0) p = {.outputs = 1, .inputs = 0};
  }
  return detail::has_plain_bias(g, n, w->shape()[p.outputs]) ? std::optional(p) : std::nullopt;
}

/// Whether a node is the sum of two values, not known to be of different shapes.
inline bool is_sum(graph const& g, node const& n) {
  if (!detail::is(n, "Add") || !std::ranges::all_of(n.inputs, [&](auto in) { return detail::is_float_value(g, in); }))
    return false;
  auto const &a = g.at(n.inputs[0]).type.shape, &b = g.at(n.inputs[1]).type.shape;
  return !a || !b || *a == *b;
}

/// Whether a node multiplies two values of different shapes, as channels by how much each counts.
inline bool is_gate(graph const& g, node const& n) {
  if (!detail::is(n, "Mul") || !std::ranges::all_of(n.inputs, [&](auto in) { return detail::is_float_value(g, in); }))
    return false;
  auto const &a = g.at(n.inputs[0]).type.shape, &b = g.at(n.inputs[1]).type.shape;
  return a && b && a->rank() == 4 && b->rank() == 4 && *a != *b;
}

/// How many inputs of a node are read as integers, from the first on; 0: it cannot be quantised.
inline std::size_t quantized_inputs(graph const& g, node const& n) {
  if (is_sum(g, n) || is_gate(g, n)) return 2;
  return product_of(g, n) ? 1 : 0;
}

/// The nodes that can be quantised, in topological order.
inline std::vector<node_id> quantizable_nodes(graph const& g) {
  auto nodes = g.topological_order();
  std::erase_if(nodes, [&](node_id id) { return quantized_inputs(g, g.at(id)) == 0; });
  return nodes;
}

/// The result of a MatMul with the constant for each column that is added to it alone, or the output of another node.
inline value_id biased_output(graph const& g, node_id id) {
  auto const out = g.at(id).outputs[0];
  if (!detail::is(g.at(id), "MatMul") || !passes::used_once(g, out)) return out;
  auto const& sum = g.at(g.at(out).users[0]);
  if (!detail::is(sum, "Add")) return out;
  auto const* const bias = passes::float_input(g, sum, sum.inputs[0] == out ? 1 : 0);
  bool const one_each = bias && bias->shape().rank() == 1 && passes::float_input(g, g.at(id), 1) &&
                        bias->shape()[0] == passes::float_input(g, g.at(id), 1)->shape().back();
  return one_each ? sum.outputs[0] : out;
}

/// The value that is quantised behind a node: its output, with a bias, or that of the Relu or Clip that alone reads it.
inline value_id quantized_output(graph const& g, node_id id) {
  auto const out = biased_output(g, id);
  if (!passes::used_once(g, out)) return out;
  auto const& user = g.at(g.at(out).users[0]);
  return detail::is(user, "Relu") || detail::is(user, "Clip") ? user.outputs[0] : out;
}

/// Whether a value leaves the graph, perhaps through operators that make scores of it: rounding there may change which
/// one is largest.
inline bool is_result(graph const& g, value_id v, int depth = 4) {
  static constexpr std::array<std::string_view, 6> finals{"Softmax", "LogSoftmax", "Sigmoid", "ArgMax", "TopK", "Cast"};
  if (g.is_output(v)) return true;
  auto const& users = g.at(v).users;
  return depth > 0 && !users.empty() && std::ranges::all_of(users, [&](node_id user) {
           auto const& n = g.at(user);
           return (detail::is_one_of(n, finals) || detail::chooses(n)) && is_result(g, n.outputs[0], depth - 1);
         });
}

/// A Gather of rows of a constant table of float32, like an embedding.
inline bool looks_up(graph const& g, node const& n) {
  auto const* const table = detail::is(n, "Gather") ? passes::float_input(g, n, 0) : nullptr;
  return table && table->shape().rank() == 2 && table->elements() > 0 &&
         detail::attribute_or<std::int64_t>(n, "axis", 0) == 0 && !g.at(n.inputs[1]).is_constant();
}

/// Whether only products of two values, as those of attention, read a value, perhaps scaled, split or moved: they are
/// of float32, so that integers would be rounded for nothing.
inline bool feeds_float_products(graph const& g, value_id v, int depth = 8) {
  static constexpr std::array<std::string_view, 4> passing{"Mul", "Div", "Split", "Slice"};
  auto const& users = g.at(v).users;
  if (depth == 0 || users.empty() || g.is_output(v)) return false;
  return std::ranges::all_of(users, [&](node_id user) {
    auto const& n = g.at(user);
    auto const constant = [&](value_id in) { return !in || in == v || g.at(in).is_constant(); };
    if (detail::is(n, "MatMul")) return !product_of(g, n);
    if (!detail::chooses(n) && !(detail::is_one_of(n, passing) && std::ranges::all_of(n.inputs, constant)))
      return false;
    return std::ranges::all_of(n.outputs, [&](value_id out) { return feeds_float_products(g, out, depth - 1); });
  });
}

/// A value that is quantised: read as integers by all of its readers, or by the quantised ones.
struct quantized_point {
  value_id value{};
  bool by_all = false;  ///< a quantised node makes it
};

/// The values that are quantised around `nodes`, each once, in the order of the nodes.
inline std::vector<quantized_point> quantized_points(graph const& g, std::span<node_id const> nodes) {
  std::vector<quantized_point> points;
  auto const add = [&](value_id v, bool by_all) {
    auto const at = std::ranges::find(points, v, &quantized_point::value);
    if (at == points.end()) return points.push_back({v, by_all});
    at->by_all = at->by_all || by_all;
  };
  for (auto const id : nodes) {
    auto const& n = g.at(id);
    for (std::size_t slot = 0; slot < quantized_inputs(g, n); ++slot) add(n.inputs[slot], false);
    auto const out = quantized_output(g, id);
    if (!is_result(g, out) && !feeds_float_products(g, out)) add(out, true);
  }
  return points;
}

}  // namespace sinter::quantize
