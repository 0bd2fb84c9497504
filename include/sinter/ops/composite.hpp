#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/evaluate.hpp>

#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// Builds the graph that defines a composite operator for the inputs of one node: its inputs are those of the node that
/// are given, in order. Types are inferred as nodes are added, so that operands that do not fit are an error here.
class body_builder {
 public:
  explicit body_builder(inputs const& in) {
    for (std::size_t i = 0; i < in.size(); ++i) {
      given_.emplace_back();
      if (!in.has(i)) continue;
      given_[i] = graph_.add_value(fmt::format("input_{}", i), in[i]);
      if (auto const* const known = in.tensor(i)) graph_.make_constant(given_[i], *known);
      graph_.inputs.push_back({.value = given_[i], .declared = std::nullopt});
    }
  }

  /// Input `i` of the node; none where it is omitted.
  value_id input(std::size_t i) const { return i < given_.size() ? given_[i] : value_id{}; }
  tensor_type const& type(value_id v) const { return graph_.at(v).type; }
  dtype element(value_id v) const { return type(v).element; }
  /// Whose shape must be known.
  sinter::shape const& shape(value_id v) const { return *type(v).shape; }

  /// Appends a node of ai.onnx with `count` outputs.
  std::vector<value_id> several(std::size_t count, std::string op, std::vector<value_id> operands,
                                attribute_map attributes = {}, std::int64_t version = opset) {
    while (!operands.empty() && !operands.back()) operands.pop_back();
    node n{.name = fmt::format("{}_{}", op, graph_.node_capacity()), .op = std::move(op), .version = version};
    n.attributes = std::move(attributes);
    n.inputs = std::move(operands);
    for (std::size_t i = 0; i < count; ++i) n.outputs.push_back(graph_.add_value(fmt::format("{}_{}", n.name, i)));
    auto const found = infer(graph_, n);
    for (std::size_t i = 0; i < count; ++i) graph_.at(n.outputs[i]).type = found[i];
    auto results = n.outputs;
    graph_.add_node(std::move(n));
    return results;
  }
  /// Appends a node of ai.onnx and returns its output.
  value_id operator()(std::string op, std::vector<value_id> operands, attribute_map attributes = {},
                      std::int64_t version = opset) {
    return several(1, std::move(op), std::move(operands), std::move(attributes), version)[0];
  }

  value_id constant(any_tensor t) {
    return graph_.add_constant(fmt::format("c{}", graph_.value_count()), std::move(t));
  }
  /// A vector of int64.
  value_id integers(std::vector<std::int64_t> const& v) {
    return constant(any_tensor::of<std::int64_t>({static_cast<std::int64_t>(v.size())}, v));
  }
  /// One number, of rank 0.
  value_id number(double value, dtype type) {
    any_tensor t(type, {});
    store<double>(type, t.data(), 0, value);
    return constant(std::move(t));
  }

  /// x + y, or x where there is no y.
  value_id plus(value_id x, value_id y) { return y ? (*this)("Add", {x, y}) : x; }
  /// x times a number.
  value_id times(value_id x, double factor) {
    return factor == 1 ? x : (*this)("Mul", {x, number(factor, element(x))});
  }
  value_id cast(value_id x, dtype to) {
    return element(x) == to ? x : (*this)("Cast", {x}, {{"to", static_cast<std::int64_t>(to)}});
  }
  value_id reshape(value_id x, std::vector<std::int64_t> const& extents) {
    return (*this)("Reshape", {x, integers(extents)});
  }
  value_id transpose(value_id x, std::vector<std::int64_t> order) {
    return (*this)("Transpose", {x}, {{"perm", std::move(order)}});
  }

  /// The graph, with these outputs.
  graph finish(std::vector<value_id> const& outputs) {
    for (auto const v : outputs) graph_.outputs.push_back({.value = v, .declared = std::nullopt});
    return std::move(graph_);
  }

 private:
  static constexpr std::int64_t opset = 23;  ///< of ai.onnx, whose operators bodies are made of

  graph graph_{};
  std::vector<value_id> given_{};
};

/// The types of the outputs of a body.
inline types output_types(graph const& body) {
  types found;
  for (auto const& out : body.outputs) found.push_back(body.at(out.value).type);
  return found;
}

/// What a composite operator computes: its body does.
inline std::vector<any_tensor> execute_body(graph const& body, std::span<any_tensor const> in) {
  std::vector<any_tensor> given;
  for (auto const& t : in)
    if (t) given.push_back(t);
  return evaluate(body, given);
}

/// Of tensors as `execute` gets them.
inline std::vector<operand> operands_of(std::span<any_tensor const> tensors) {
  std::vector<operand> operands;
  for (auto const& t : tensors) operands.push_back(t ? operand{{t.type(), t.shape()}, &t} : operand{});
  return operands;
}

/// An input of a composite operator that is neither omitted nor of one of these types is an error of the model.
inline void expect_element(inputs const& in, std::size_t i, std::initializer_list<dtype> allowed) {
  if (!in.has(i) || std::ranges::find(allowed, in.element(i)) != allowed.end()) return;
  std::vector<std::string_view> names;
  for (auto const type : allowed) names.push_back(name(type));
  fail(error_code::malformed_model, "the input {} holds {}, expected {}", i, name(in.element(i)),
       fmt::join(names, " or "));
}

}  // namespace sinter
