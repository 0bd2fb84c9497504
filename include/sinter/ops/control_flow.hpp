#pragma once

#include <sinter/ops/entry.hpp>
#include <sinter/ops/evaluate.hpp>

#include <memory>
#include <vector>

namespace sinter {

/// If: one of two subgraphs. The node's inputs after the condition are the captures of both.
/// https://onnx.ai/onnx/operators/onnx__If.html
struct if_else {
  static constexpr op_schema schema{.name = "If", .max_outputs = 16384};
  struct attributes {
    std::shared_ptr<graph const> then_branch{};
    std::shared_ptr<graph const> else_branch{};
    graph const& branch(tensor_view condition) const {
      if (condition.type != dtype::boolean || condition.elements() != 1)
        fail(error_code::malformed_model, "the condition is {} {}, expected one bool", name(condition.type),
             condition.shape);
      return condition.as<bool>()[0] ? *then_branch : *else_branch;
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
    if (auto const condition = in.value(0)) return infer_outputs(a.branch(*condition), captures);
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

  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    return evaluate(a.branch(in[0].view()), std::vector<any_tensor>(in.begin() + 1, in.end()));
  }
};

}  // namespace sinter
