#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::quantize {

/// The operator set of quantised models: the first in which QuantizeLinear and DequantizeLinear have an axis.
inline constexpr std::int64_t least_opset = 13;

namespace detail {

using passes::attribute_or;

inline value_id integers_constant(graph& g, std::string const& name, std::vector<std::int64_t> const& values) {
  return g.add_constant(name, any_tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
}

/// An attribute of integers becomes the input behind the others.
inline void integers_to_input(graph& g, node_id id, char const* attribute) {
  auto const it = g.at(id).attributes.find(attribute);
  if (it == g.at(id).attributes.end()) return;
  auto inputs = g.at(id).inputs;
  inputs.push_back(integers_constant(g, attribute, std::get<std::vector<std::int64_t>>(it->second)));
  passes::set_inputs(g, id, std::move(inputs));
  g.at(id).attributes.erase(attribute);
}

inline void upgrade_axes(graph& g, node_id id) { integers_to_input(g, id, "axes"); }
inline void upgrade_split(graph& g, node_id id) { integers_to_input(g, id, "split"); }

inline void upgrade_clip(graph& g, node_id id) {
  if (g.at(id).version >= 11) return;
  auto inputs = g.at(id).inputs;
  for (auto const* const name : {"min", "max"}) {
    bool const given = g.at(id).attributes.contains(name);
    inputs.push_back(given ? g.add_constant(name, any_tensor::scalar(attribute_or(g.at(id), name, 0.0f))) : value_id{});
    g.at(id).attributes.erase(name);
  }
  passes::set_inputs(g, id, std::move(inputs));
}

inline void upgrade_slice(graph& g, node_id id) {
  if (g.at(id).version >= 10) return;
  auto const starts = attribute_or(g.at(id), "starts", std::vector<std::int64_t>{});
  if (!g.at(id).attributes.contains("axes")) {
    std::vector<std::int64_t> axes;
    for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    g.at(id).attributes["axes"] = axes;
  }
  for (auto const* const name : {"starts", "ends", "axes"}) integers_to_input(g, id, name);
}

inline void upgrade_pad(graph& g, node_id id) {
  if (g.at(id).version >= 11) return;
  integers_to_input(g, id, "pads");
  auto inputs = g.at(id).inputs;
  inputs.push_back(g.add_constant("padding", any_tensor::scalar(attribute_or(g.at(id), "value", 0.0f))));
  passes::set_inputs(g, id, std::move(inputs));
  g.at(id).attributes.erase("value");
}

/// Before version 13 all axes from `axis` on are one; that is the axis itself where those behind have one element.
inline void upgrade_softmax(graph& g, node_id id) {
  auto& n = g.at(id);
  auto const axis = attribute_or<std::int64_t>(n, "axis", 1);
  auto const& extents = g.at(n.inputs[0]).type.shape;
  if (!extents) fail(error_code::unsupported_feature, "the shape of its input is open; export it with opset 13");
  auto const rank = static_cast<std::int64_t>(extents->rank());
  auto const first = axis < 0 ? axis + rank : axis;
  if (first < 0 || first >= rank) fail(error_code::malformed_model, "axis {} of a tensor of rank {}", axis, rank);
  if (extents->elements(static_cast<std::size_t>(first) + 1, extents->rank()) != 1)
    fail(error_code::unsupported_feature,
         "it is over several axes, which only operator sets before 13 have; export it with opset 13");
  n.attributes["axis"] = first;
}

inline void upgrade_batch_normalization(graph& g, node_id id) {
  if (attribute_or<std::int64_t>(g.at(id), "spatial", 1) != 1)
    fail(error_code::unsupported_feature, "statistics are of each element (spatial is 0); export it with opset 13");
  g.at(id).attributes.erase("spatial");
}

inline void upgrade_dropout(graph& g, node_id id) { g.at(id).attributes.erase("ratio"); }

/// What makes a node of an operator, of version `since` or later, one of version 13; null: it is one.
struct upgrade_rule {
  std::string_view op{};
  std::int64_t since = 1;
  void (*apply)(graph&, node_id) = nullptr;
};

// clang-format off
inline constexpr auto upgrade_rules = std::to_array<upgrade_rule>({
    {"Abs", 6}, {"Acos", 7}, {"Add", 7}, {"And", 7}, {"ArgMax"}, {"ArgMin"}, {"Asin", 7}, {"Atan", 7}, {"AveragePool"},
    {"BatchNormalization", 7, upgrade_batch_normalization}, {"Cast", 6}, {"Ceil", 6}, {"Clip", 6, upgrade_clip},
    {"Concat", 4}, {"Constant"}, {"ConstantOfShape", 9}, {"Conv"}, {"ConvTranspose"}, {"Cos", 7}, {"CumSum", 11},
    {"DepthToSpace"}, {"DequantizeLinear", 10}, {"Div", 7}, {"Dropout", 7, upgrade_dropout}, {"Einsum", 12}, {"Elu", 6},
    {"Equal", 7}, {"Erf", 9}, {"Exp", 6}, {"Expand", 8}, {"Flatten"}, {"Floor", 6}, {"GRU", 7}, {"Gather"},
    {"GatherElements", 11}, {"GatherND", 11}, {"Gemm", 7}, {"GlobalAveragePool"}, {"GlobalMaxPool"}, {"Greater", 7},
    {"HardSigmoid", 6}, {"Identity"}, {"InstanceNormalization", 6}, {"LRN"}, {"LSTM", 7}, {"LeakyRelu", 6}, {"Less", 7},
    {"Log", 6}, {"LogSoftmax", 1, upgrade_softmax}, {"MatMul"}, {"Max", 8}, {"MaxPool"}, {"Mean", 8}, {"Min", 8},
    {"Mod", 10}, {"Mul", 7}, {"Neg", 6}, {"NonMaxSuppression", 10}, {"Not"}, {"OneHot", 9}, {"Or", 7}, {"PRelu", 7},
    {"Pad", 2, upgrade_pad}, {"Pow", 7}, {"QuantizeLinear", 10}, {"RNN", 7}, {"Range", 11}, {"Reciprocal", 6},
    {"ReduceL1"}, {"ReduceL2"}, {"ReduceLogSum"}, {"ReduceLogSumExp"}, {"ReduceMax"}, {"ReduceMean"}, {"ReduceMin"},
    {"ReduceProd"}, {"ReduceSum", 1, upgrade_axes}, {"ReduceSumSquare"}, {"Relu", 6}, {"Reshape", 5}, {"Resize", 11},
    {"Round", 11}, {"ScatterElements", 11}, {"ScatterND", 11}, {"Selu", 6}, {"Shape"}, {"Sigmoid", 6}, {"Sign", 9},
    {"Sin", 7}, {"Slice", 1, upgrade_slice}, {"Softmax", 1, upgrade_softmax}, {"Softplus"}, {"Softsign"},
    {"SpaceToDepth"}, {"Split", 2, upgrade_split}, {"Sqrt", 6}, {"Squeeze", 1, upgrade_axes}, {"Sub", 7}, {"Sum", 8},
    {"Tan", 7}, {"Tanh", 6}, {"Tile", 6}, {"TopK", 10}, {"Transpose"}, {"Unsqueeze", 1, upgrade_axes}, {"Where", 9},
});
// clang-format on

inline void upgrade(graph& g, node_id id) {
  auto const& n = g.at(id);
  auto const* const rule = std::ranges::find(upgrade_rules, n.op, &upgrade_rule::op);
  if (rule == upgrade_rules.end() || n.version < rule->since)
    fail(error_code::unsupported_feature,
         "quantised models have operator set 13 or later, and how version {} of this operator is said there is not "
         "known; export the model with opset 13",
         n.version);
  if (rule->apply) rule->apply(g, id);
}

}  // namespace detail

/// Makes all nodes of ai.onnx those of one operator set: `least_opset`, or what the model imports if that is later.
/// Types must have been inferred. Errors: unsupported_feature for nodes of which that is not known.
inline void upgrade_opset(graph& g) {
  auto& opset = g.opsets[""];
  opset = std::max(opset, least_opset);
  for (auto const id : g.topological_order()) {
    auto& n = g.at(id);
    if (!n.domain.empty()) continue;
    if (n.version < least_opset) with_context([&] { return describe(n); }, [&] { detail::upgrade(g, id); });
    n.version = opset;
  }
}

}  // namespace sinter::quantize
