#pragma once

#include <sinter/expr/text.hpp>
#include <sinter/ops/comparison.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// A test of floats: one of the comparisons, or whether a value differs from itself, as only a NaN does.
struct float_test {
  compare how = compare::eq;
  value_id a{}, b{};
};

/// The test that produces the condition `c`, if it is one of float32.
inline std::optional<float_test> test_of(graph const& g, value_id c) {
  auto const id = g.at(c).producer;
  if (!id) return std::nullopt;
  auto const& n = g.at(id);
  auto const is_float = [&](value_id v) { return v && g.at(v).type.element == dtype::float32; };
  if (!std::ranges::all_of(n.inputs, is_float)) return std::nullopt;
  if (is(n, "IsNaN")) return float_test{compare::ne, n.inputs[0], n.inputs[0]};
  auto const row = std::ranges::find_if(comparison_rows, [&](comparison_row const& r) { return is(n, r.name); });
  if (row == std::end(comparison_rows) || n.version < 7) return std::nullopt;
  return float_test{row->test, n.inputs[0], n.inputs[1]};
}

}  // namespace detail

/// Turns a Where of float32, whose condition tests floats, into one sinter.Elementwise.
inline void fuse_condition(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "Where")) return;
    auto const& y = g.at(n.outputs[0]).type;
    if (y.element != dtype::float32 || !y.shape) return;
    auto const test = detail::test_of(g, n.inputs[0]);
    if (!test) return;
    node fused{.domain = "sinter", .op = "Elementwise", .version = 1};
    auto const rank = g.at(n.outputs[0]).type.shape->rank();
    auto const operand = [&](value_id v) {
      if (auto const& c = g.at(v); c.constant && c.constant.elements() == 1 && c.constant.shape().rank() <= rank)
        return expr::value(c.constant.view().as<float>()[0]);
      auto const known = std::ranges::find(fused.inputs, v);
      auto const index = static_cast<std::size_t>(known - fused.inputs.begin());
      if (known == fused.inputs.end()) fused.inputs.push_back(v);
      return expr::input(index);
    };
    std::vector<expr::value> operands{operand(test->a), operand(test->b), operand(n.inputs[1]), operand(n.inputs[2])};
    if (fused.inputs.empty()) return;
    expr::value const chosen({.code = expr::op::select, .cc = test->how}, std::move(operands));
    fused.attributes = {{"function", expr::print(expr::flatten(chosen, fused.inputs.size()))}};
    replace_node(g, id, std::move(fused));
    r.rewrote();
  });
}

}  // namespace sinter::passes
