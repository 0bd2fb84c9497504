#pragma once

#include <sinter/ops/entry.hpp>
#include <sinter/ops/subgraph_runner.hpp>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sinter {

/// Inputs of a subgraph, the last ones, that are values of the graph around it.
inline std::size_t captures_of(graph const& body) {
  return static_cast<std::size_t>(std::ranges::count(body.inputs, true, &port::captured));
}

/// The one element of a tensor.
template <tensor_element T>
T single(any_tensor const& t, std::string_view what) {
  if (t.type() != dtype_of<T> || t.elements() != 1)
    fail(error_code::malformed_model, "{} is {} {}, expected one {}", what, name(t.type()), t.shape(),
         name(dtype_of<T>));
  return t.as<T>()[0];
}

/// Types of the outputs of a body that runs any number of times: `carried` outputs from `output` on are inputs from
/// `input` on of the next turn. A shape that changes from turn to turn is unknown.
inline types infer_carried(graph const& body, std::vector<operand> given, std::size_t input, std::size_t output,
                           std::size_t carried) {
  for (;;) {
    auto found = infer_outputs(body, given);
    bool settled = true;
    for (std::size_t i = 0; i < carried; ++i) {
      auto& before = given[input + i].type;
      auto& after = found[output + i];
      if (after.element != before.element && before.element != optional_of(after.element))
        fail(error_code::malformed_model, "the carried value {} holds {} before a turn and {} after it", i,
             name(before.element), name(after.element));
      if (after.shape == before.shape) continue;
      settled = settled && !before.shape;
      before.shape = after.shape = std::nullopt;
    }
    if (settled) return found;
  }
}

/// A value as an input of a subgraph declares it: an optional of what it is, or as it is.
inline any_tensor as_declared(any_tensor t, value const& input) {
  if (input.type.element == t.type() || input.type.element != optional_of(t.type())) return t;
  return any_tensor::holding(optional_of(t.type()), {std::move(t)});
}

/// If: one of two subgraphs. The node's inputs after the condition are the captures of both.
/// https://onnx.ai/onnx/operators/onnx__If.html
struct if_else {
  static constexpr op_schema schema{.name = "If", .max_outputs = 16384};
  struct attributes {
    std::shared_ptr<graph const> then_branch{};
    std::shared_ptr<graph const> else_branch{};
    std::shared_ptr<graph const> const& branch(tensor_view condition) const {
      if (condition.type != dtype::boolean || condition.elements() != 1)
        fail(error_code::malformed_model, "the condition is {} {}, expected one bool", name(condition.type),
             condition.shape);
      return condition.as<bool>()[0] ? then_branch : else_branch;
    }
  };

  static attributes parse(attribute_reader const& r) {
    using body = std::shared_ptr<graph const>;
    attributes a{.then_branch = r.require<body>("then_branch"), .else_branch = r.require<body>("else_branch")};
    for (auto const* branch : {a.then_branch.get(), a.else_branch.get()}) {
      if (branch->inputs.size() + 1 != r.input_count() || branch->outputs.size() < r.output_count())
        fail(error_code::malformed_model, "a branch has {} inputs and {} outputs, expected {} and {}",
             branch->inputs.size(), branch->outputs.size(), r.input_count() - 1, r.output_count());
    }
    return a;
  }

  /// Known where the condition is known or both branches agree.
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) {
    std::vector<operand> captures;
    for (std::size_t i = 1; i < in.size(); ++i) captures.push_back({in[i], in.tensor(i)});
    if (auto const condition = in.value(0)) return infer_outputs(*a.branch(*condition), captures);
    auto result = infer_outputs(*a.then_branch, captures);
    auto const other = infer_outputs(*a.else_branch, captures);
    for (std::size_t i = 0; i < result.size() && i < other.size(); ++i) {
      if (result[i].element != other[i].element)
        fail(error_code::malformed_model, "output {} holds {} or {}, as the condition says", i, name(result[i].element),
             name(other[i].element));
      if (result[i].shape != other[i].shape) result[i].shape = std::nullopt;
    }
    return result;
  }

  static std::size_t carried(attributes const&) { return 0; }
  static control_form form(attributes const& a, std::size_t) {
    return {.bodies = {a.then_branch, a.else_branch}, .condition = 0, .first = 1};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a, subgraph_runner& bodies) {
    return bodies.run(a.branch(in[0].view()), std::vector<any_tensor>(in.begin() + 1, in.end()));
  }
};

}  // namespace sinter
