#pragma once

#include <sinter/ops/quantized_pooling.hpp>
#include <sinter/passes/canonicalize_convolution.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match_quantized.hpp>
#include <sinter/passes/quantized_factors.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// QuantizeLinear with one known step, an activation before it, and the node that computes what both are of.
struct quantized_end {
  quantized_value y{};
  attribute_map bounds{};  ///< `least`, `greatest` of sinter's quantised operators, from the activation
  node_id source{};
};

/// A real bound of an activation as a quantised one.
inline std::int64_t quantized_bound(float bound, quantized_value const& y) {
  return kernels::quantized(bound / y.step, y.zero, range_of(y.type));
}

/// The bounds of an activation that quantised operators have; none: it is another node.
inline std::optional<attribute_map> activation_bounds(graph const& g, node const& n, quantized_value const& y) {
  if (is(n, "Relu")) return attribute_map{{"least", quantized_bound(0, y)}};
  if (!is(n, "Clip")) return std::nullopt;
  attribute_map bounds;
  auto const bound = [&](std::size_t slot, char const* attribute, char const* name) {
    auto limit = scalar_input(g, n, slot);
    if (n.attributes.contains(attribute)) limit = attribute_or(n, attribute, 0.0f);
    if (limit && !std::isnan(*limit)) bounds[name] = quantized_bound(*limit, y);
    return limit || slot >= n.inputs.size() || !n.inputs[slot];
  };
  bool const known = bound(1, "min", "least") && bound(2, "max", "greatest");
  return known ? std::optional(bounds) : std::nullopt;
}

inline std::optional<quantized_end> quantized_end_of(graph const& g, node const& n) {
  if (!is(n, "QuantizeLinear") || attribute_or<std::int64_t>(n, "block_size", 0) != 0) return std::nullopt;
  auto const y = one_step(g, n, n.outputs[0], g.at(n.outputs[0]).type.element);
  if (!y) return std::nullopt;
  quantized_end end{.y = *y};
  auto at = n.inputs[0];
  if (!used_once(g, at) || !g.at(at).producer) return std::nullopt;
  if (auto bounds = activation_bounds(g, g.at(g.at(at).producer), *y)) {
    end.bounds = std::move(*bounds);
    at = g.at(g.at(at).producer).inputs[0];
    if (!used_once(g, at) || !g.at(at).producer) return std::nullopt;
  }
  end.source = g.at(at).producer;
  return end;
}

/// The zero point of a value as an input of a node.
inline value_id zero_point_of(graph& g, quantized_value const& q) {
  return q.zero_point ? q.zero_point : g.add_constant("zero_point", any_tensor(q.type, shape{}));
}

inline bool same_step(quantized_value const& a, quantized_value const& b) {
  return a.step == b.step && a.zero == b.zero && a.type == b.type;
}

/// A real value quantised as `y` is, by a node of its own.
inline value_id quantized_anew(graph& g, value_id real, quantized_value const& y) {
  auto const q = g.add_value(g.at(real).name + "_quantized", {y.type, g.at(real).type.shape});
  g.add_node({.op = "QuantizeLinear", .version = 13, .inputs = {real, y.scale, zero_point_of(g, y)}, .outputs = {q}});
  return q;
}

/// A product in sinter's form in place of the node that quantises it.
inline void make_product(graph& g, node_id id, quantized_end const& end, quantized_factors f, node made) {
  auto const x_zero = zero_point_of(g, f.x), y_zero = zero_point_of(g, end.y);
  auto const w_zero = g.add_constant("weights_zero_point", std::move(f.w.zero_points));
  made.domain = "sinter", made.version = 1;
  made.inputs = {f.x.value, f.x.scale, x_zero, f.w.value, f.w.scale, w_zero, end.y.scale, y_zero};
  if (f.bias) made.inputs.push_back(g.add_constant("quantized_bias", std::move(*f.bias)));
  for (auto const& [name, bound] : end.bounds) made.attributes[name] = bound;
  replace_node(g, id, std::move(made));
}

inline bool fuse_convolution(graph& g, node_id id, quantized_end const& end, node const& n) {
  if (!is(n, "Conv")) return false;
  auto f = factors_of(g, n, 0);
  if (!f) return false;
  auto const& shape_of_w = g.at(f->w.value).constant.shape();
  auto geometry = convolution_geometry(n, g.at(f->x.value).type.shape, shape_of_w);
  if (!geometry || shape_of_w.rank() > 4) return false;
  make_product(g, id, end, std::move(*f), {.op = "QuantizedConv", .attributes = std::move(*geometry)});
  return true;
}

inline bool fuse_gemm(rewriter& r, node_id id, quantized_end const& end, node const& n) {
  auto f = is(n, "Add") ? biased_factors(r, n) : gemm_factors(r, n);
  if (!f) return false;
  make_product(r.get(), id, end, std::move(*f), {.op = "QuantizedGemm"});
  return true;
}

/// The sum of two values of one shape.
inline bool fuse_sum(graph& g, node_id id, quantized_end const& end, node const& n) {
  if (!is(n, "Add")) return false;
  auto const a = dequantized(g, n, 0), b = dequantized(g, n, 1);
  if (!a || !b) return false;
  auto const &left = g.at(a->value).type.shape, &right = g.at(b->value).type.shape;
  if (!left || !right || *left != *right) return false;
  auto const a_zero = zero_point_of(g, *a), b_zero = zero_point_of(g, *b), y_zero = zero_point_of(g, end.y);
  node made{.domain = "sinter", .op = "QuantizedAdd", .version = 1, .attributes = end.bounds};
  made.inputs = {a->value, a->scale, a_zero, b->value, b->scale, b_zero, end.y.scale, y_zero};
  replace_node(g, id, std::move(made));
  return true;
}

/// Operators that choose or move elements do the same with integers, where the step is one before and after.
inline bool fuse_choice(graph& g, node_id id, quantized_end const& end, node const& n) {
  static constexpr auto names =
      std::to_array<std::string_view>({"MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice",
                                       "Gather", "Expand", "Tile", "DepthToSpace", "SpaceToDepth"});
  if (!n.domain.empty() || std::ranges::find(names, n.op) == names.end() || !end.bounds.empty()) return false;
  auto const x = dequantized_any(g, n, 0);
  if (!x || !same_step(*x, end.y)) return false;
  if (std::ranges::any_of(n.outputs.begin() + 1, n.outputs.end(), [](value_id out) { return bool(out); })) return false;
  node made{.op = n.op, .version = n.version, .attributes = n.attributes, .inputs = n.inputs};
  made.inputs[0] = x->value;
  replace_node(g, id, std::move(made));
  return true;
}

/// A Concat joins integers; those with another step than the result's are quantised anew first.
inline bool fuse_concat(graph& g, node_id id, quantized_end const& end, node const& n) {
  if (!is(n, "Concat") || !end.bounds.empty()) return false;
  std::vector<quantized_value> parts;
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    auto const part = dequantized(g, n, i);
    if (!part) return false;
    parts.push_back(*part);
  }
  node made{.op = n.op, .version = n.version, .attributes = n.attributes};
  for (std::size_t i = 0; i < parts.size(); ++i)
    made.inputs.push_back(same_step(parts[i], end.y) ? parts[i].value : quantized_anew(g, n.inputs[i], end.y));
  replace_node(g, id, std::move(made));
  return true;
}

/// The mean of planes takes integers; its result is float32.
inline bool fuse_global_average(graph& g, node_id id) {
  auto const& n = g.at(id);
  if (!is(n, "GlobalAveragePool")) return false;
  auto const x = dequantized(g, n, 0);
  if (!x || !g.at(x->value).type.shape) return false;
  auto const& s = *g.at(x->value).type.shape;
  if (s.rank() < 3 || s.elements(2, s.rank()) > static_cast<std::size_t>(most_quantized_pixels)) return false;
  node made{.domain = "sinter", .op = "QuantizedGlobalAverage", .version = 1};
  made.inputs = {x->value, x->scale, zero_point_of(g, *x)};
  replace_node(g, id, std::move(made));
  return true;
}

/// QLinearConv and QLinearMatMul in sinter's form, whose inputs are theirs, where kernels take their constants.
inline bool canonicalize_linear(graph& g, node_id id) {
  auto const& n = g.at(id);
  bool const convolves = is(n, "QLinearConv");
  if (!convolves && !is(n, "QLinearMatMul")) return false;
  for (std::size_t slot = 1; slot < n.inputs.size(); ++slot) {
    auto const* const c = constant_input(g, n, slot);
    if (!c && slot == 8 && !n.inputs[slot]) continue;
    bool const single = slot == 1 || slot == 2 || slot == 6 || slot == 7;
    if (!c || (single && c->elements() != 1)) return false;
  }
  auto const& w = *constant_input(g, n, 3);
  auto const axis = convolves ? std::size_t{0} : std::size_t{1};
  auto const& x = g.at(n.inputs[0]).type.shape;
  bool const is_matrix = w.shape().rank() == 2 && w.shape()[0] % 4 == 0 && x && x->rank() >= 2;
  bool const is_kernel = w.shape().rank() == 3 || w.shape().rank() == 4;
  if (!(convolves ? is_kernel : is_matrix) || w.elements() == 0) return false;
  for (std::size_t const slot : {2, 3, 5, 7})
    if (!is_byte(constant_input(g, n, slot)->type())) return false;
  auto const depth = static_cast<std::int64_t>(w.elements()) / w.shape()[axis];
  if (!fits_byte_products(w, *constant_input(g, n, 5), axis, constant_input(g, n, 8), depth)) return false;
  node made{.domain = "sinter", .op = "QuantizedGemm", .version = 1, .inputs = n.inputs};
  if (convolves) {
    auto geometry = convolution_geometry(n, x, w.shape());
    if (!geometry) return false;
    made.op = "QuantizedConv";
    made.attributes = std::move(*geometry);
  }
  replace_node(g, id, std::move(made));
  return true;
}

}  // namespace detail

/// DequantizeLinear, an operator, perhaps Relu or Clip, and QuantizeLinear become one operator on 8-bit integers: Conv
/// becomes sinter.QuantizedConv, Gemm and MatMul with its bias sinter.QuantizedGemm, Add of two values of one shape
/// sinter.QuantizedAdd, GlobalAveragePool sinter.QuantizedGlobalAverage; MaxPool, Concat and what moves elements read
/// integers. QLinearConv and QLinearMatMul get the same form.
/// Scales and zero points are constants, one for an activation. A bias is rounded to whole units of the sums.
inline void fuse_quantized(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (detail::canonicalize_linear(g, id) || detail::fuse_global_average(g, id)) return r.rewrote();
    auto const end = detail::quantized_end_of(g, g.at(id));
    if (!end) return;
    auto const source = g.at(end->source);
    bool const fused = detail::fuse_convolution(g, id, *end, source) || detail::fuse_gemm(r, id, *end, source) ||
                       detail::fuse_sum(g, id, *end, source) || detail::fuse_choice(g, id, *end, source) ||
                       detail::fuse_concat(g, id, *end, source);
    if (fused) r.rewrote();
  });
}

}  // namespace sinter::passes
