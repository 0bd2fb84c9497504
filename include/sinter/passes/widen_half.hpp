#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/passes/match.hpp>

#include <array>

namespace sinter::passes {

namespace detail {

// clang-format off
/// Operators that do the same on float32 values as on float16 ones, but for the rounding of their results; sorted.
inline constexpr auto widening_operators = std::to_array<std::string_view>({
    "Abs", "Add", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Conv",
    "ConvTranspose", "DepthToSpace", "Div", "Dropout", "Elu", "Erf", "Exp", "Expand", "Flatten", "Floor",
    "Gather", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity",
    "InstanceNormalization", "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "MatMul", "Max",
    "MaxPool", "Mean", "Min", "Mish", "Mul", "Neg", "PRelu", "Pad", "Pow", "Reciprocal", "ReduceMean",
    "ReduceSum", "Relu", "Reshape", "Selu", "Shape", "Sigmoid", "Slice", "Softmax", "Softplus", "SpaceToDepth",
    "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Tile", "Transpose", "Unsqueeze", "Where"});
// clang-format on

inline bool widens(node const& n) { return n.domain.empty() && std::ranges::binary_search(widening_operators, n.op); }

inline bool is_half(graph const& g, value_id id) { return id && g.at(id).type.element == dtype::float16; }

/// Whether the graph computes with float16 values (more than to cast them), and all nodes that touch them are known.
inline bool can_widen(graph const& g) {
  bool found = false;
  for (std::size_t i = 0; i < g.node_capacity(); ++i) {
    auto const& n = g.at(node_id{static_cast<std::int32_t>(i)});
    if (n.erased) continue;
    auto const touches = [&](value_id id) { return is_half(g, id); };
    if (!std::ranges::any_of(n.inputs, touches) && !std::ranges::any_of(n.outputs, touches)) continue;
    found = found || !is(n, "Cast");
    if (!widens(n)) return false;
  }
  return found &&
         std::ranges::all_of(g.outputs, [&](port const& p) { return !is_half(g, p.value) || g.at(p.value).producer; });
}

inline any_tensor widened(any_tensor const& t) {
  any_tensor result(dtype::float32, t.shape());
  auto const* from = static_cast<std::uint16_t const*>(t.data());
  std::transform(from, from + t.elements(), static_cast<float*>(result.data()), half_to_float);
  return result;
}

/// A value of the shape of `like`.
inline value_id similar_value(graph& g, value_id like, std::string_view suffix, dtype element) {
  auto name = g.at(like).name + std::string(suffix);
  return g.add_value(std::move(name), {element, g.at(like).type.shape});
}

/// Lets `id` be computed by a new node from what its producer computes, which becomes another value.
inline void insert_after(graph& g, value_id id, value_id raw, node n) {
  auto const source = g.at(id).producer;
  auto const& outputs = g.at(source).outputs;
  auto const slot = static_cast<std::size_t>(std::ranges::find(outputs, id) - outputs.begin());
  take_output(g, source, slot, raw);
  n.inputs = {raw};
  n.outputs = {id};
  g.add_node(std::move(n));
}

inline node rounding_node() {
  node n{.domain = "sinter", .op = "Elementwise", .version = 1};
  n.attributes = {{"function", std::string("round_half x0")}};
  return n;
}

inline node cast_node(dtype to) {
  node n{.op = "Cast", .version = 13};
  n.attributes = {{"to", static_cast<std::int64_t>(to)}};
  return n;
}

/// Graph inputs stay float16 and are cast, outputs are cast back. The values inside are still called float16.
inline void cast_ports(graph& g) {
  for (auto const& in : std::vector(g.inputs)) {
    if (!is_half(g, in.value)) continue;
    auto const wide = similar_value(g, in.value, "_wide", dtype::float16);
    g.replace_uses(in.value, wide);
    auto cast = cast_node(dtype::float32);
    cast.inputs = {in.value};
    cast.outputs = {wide};
    g.add_node(std::move(cast));
  }
  for (auto const& out : std::vector(g.outputs)) {
    if (!is_half(g, out.value)) continue;
    auto const users = g.at(out.value).users;
    auto const wide = similar_value(g, out.value, "_wide", dtype::float16);
    insert_after(g, out.value, wide, cast_node(dtype::float16));
    for (auto const user : users)
      for (std::size_t slot = 0; slot < g.at(user).inputs.size(); ++slot)
        if (g.at(user).inputs[slot] == out.value) g.set_input(user, slot, wide);
  }
}

/// A Cast to float16 inside the graph becomes a rounding; those that widen or narrow a port stay.
inline void round_cast(graph& g, node_id id) {
  if (!is(g.at(id), "Cast") || !is_half(g, g.at(id).outputs[0])) return;
  auto const out = g.at(id).outputs[0];
  if (g.is_input(g.at(id).inputs[0]) || g.is_output(out)) return;
  g.at(id).attributes["to"] = static_cast<std::int64_t>(dtype::float32);
  insert_after(g, out, similar_value(g, out, "_exact", dtype::float32), rounding_node());
}

}  // namespace detail

/// Computes in float32 what a model computes in float16. Constants are converted, graph inputs and outputs keep their
/// type by a Cast; between them values keep the precision of float32, as in ONNX Runtime on CPUs, except where the
/// model itself casts. The whole graph or nothing: one node that is not known keeps everything as it is.
inline void widen_half(rewriter& r) {
  auto& g = r.get();
  if (!r.may_rewrite() || !detail::can_widen(g)) return;
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    auto const& v = g.at(value_id{static_cast<std::int32_t>(i)});
    if (v.is_constant() && v.type.element == dtype::float16 && !v.users.empty())
      r.fold_budget().charge(2 * v.constant.bytes());
  }
  detail::cast_ports(g);
  for (auto const id : g.topological_order()) detail::round_cast(g, id);
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    value_id const id{static_cast<std::int32_t>(i)};
    if (!detail::is_half(g, id) || g.is_input(id) || g.is_output(id)) continue;
    if (g.at(id).is_constant())
      g.make_constant(id, detail::widened(g.at(id).constant));
    else
      g.at(id).type.element = dtype::float32;
  }
  r.rewrote();
}

}  // namespace sinter::passes
