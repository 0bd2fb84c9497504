#pragma once

#include <sinter/ops/custom_operator.hpp>
#include <sinter/ops/operator.hpp>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// Binds nodes to operators of the user's.
namespace sinter {

namespace detail {

/// What a node of a custom operator is bound to.
struct custom_node {
  std::shared_ptr<custom_operator const> op{};
  custom_attributes attributes{};

  std::string text() const { return op->domain + "." + op->name; }
};

inline void expect_elements(custom_node const& n, inputs const& in) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    auto const& declared = n.op->inputs[i];
    if (in.has(i) && declared.element != dtype::undefined && in.element(i) != declared.element)
      fail(error_code::malformed_model, "the input '{}' of {} holds {}, expected {}", declared.name, n.text(),
           name(in.element(i)), name(declared.element));
  }
}

inline dtype custom_element(inputs const& in, void const* bound, std::size_t output) {
  auto const& n = *static_cast<custom_node const*>(bound);
  expect_elements(n, in);
  auto const element = n.op->outputs[output].element;
  return element == dtype::undefined ? in.element(0) : element;
}

inline types custom_infer(inputs const& in, void const* bound) {
  auto const& n = *static_cast<custom_node const*>(bound);
  std::vector<tensor_view> views;
  for (std::size_t i = 0; i < in.size(); ++i)
    views.push_back(in.has(i) ? tensor_view{in.element(i), in.shape(i), nullptr} : tensor_view{});
  views.resize(n.op->inputs.size());
  auto const shapes = n.op->shapes(views, n.attributes);
  if (shapes.size() != n.op->outputs.size())
    fail(error_code::invalid_argument, "{} has {} outputs, its shape function gives {} shapes", n.text(),
         n.op->outputs.size(), shapes.size());
  types found;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (std::ranges::any_of(shapes[i], [](std::int64_t extent) { return extent < 0; }))
      fail(error_code::invalid_argument, "the shape function of {} gives {}, a dimension is negative", n.text(),
           shapes[i]);
    found.push_back({custom_element(in, bound, i), shapes[i]});
  }
  return found;
}

inline void custom_evaluate(input_views in, output_views out, void const* bound) {
  auto const& n = *static_cast<custom_node const*>(bound);
  std::vector<tensor_view> all(in.begin(), in.end());
  std::vector<mutable_tensor_view> results(out.begin(), out.end());
  all.resize(n.op->inputs.size());
  results.resize(n.op->outputs.size());
  n.op->compute(all, results, n.attributes);
}

inline constexpr operator_entry custom_entry{.schema = {.name = "custom operator"},
                                             .parse = nullptr,
                                             .infer = custom_infer,
                                             .element = custom_element,
                                             .kernel = nullptr,
                                             .evaluate = custom_evaluate,
                                             .execute = nullptr,
                                             .expression = nullptr};

/// Checks the definition of an operator, for its author.
inline void check_definition(custom_operator const& op) {
  auto const wrong = [&](std::string_view what) {
    fail(error_code::invalid_argument, "the custom operator '{}' of domain '{}' {}", op.name, op.domain, what);
  };
  if (op.name.empty()) wrong("has no name");
  if (op.domain.empty() || op.domain == "ai.onnx" || op.domain == "sinter")
    wrong("is of a domain of the library's; give it another domain");
  if (find_operator(op.domain, op.name, INT64_MAX))
    wrong("is one that the library has; give it another name or domain");
  if (!op.shapes || !op.compute) wrong("lacks its function `shapes` or `compute`");
  if (op.outputs.empty()) wrong("has no outputs");
  if (op.inputs.empty() && std::ranges::count(op.outputs, dtype::undefined, &custom_output::element) > 0)
    wrong("has an output of the first input's type, and no input");
  for (auto const& a : op.attributes)
    if (std::holds_alternative<std::shared_ptr<graph const>>(a.value)) wrong("has a graph as attribute");
}

inline void check_counts(custom_operator const& op, node const& n) {
  if (n.inputs.size() > op.inputs.size() || n.outputs.size() > op.outputs.size())
    fail(error_code::malformed_model, "the node has {} inputs and {} outputs, the custom operator {} and {}",
         n.inputs.size(), n.outputs.size(), op.inputs.size(), op.outputs.size());
  for (std::size_t i = 0; i < op.inputs.size(); ++i)
    if (!op.inputs[i].optional && (i >= n.inputs.size() || !n.inputs[i]))
      fail(error_code::malformed_model, "the input '{}' of the custom operator is not given", op.inputs[i].name);
}

inline custom_attributes attributes_of(custom_operator const& op, node const& n) {
  auto values = op.attributes;
  for (auto const& [name, given] : n.attributes) {
    auto const at = std::ranges::find(values, name, &custom_attribute::name);
    if (at == values.end())
      fail(error_code::unsupported_feature, "the custom operator does not know the attribute '{}'", name);
    if (at->value.index() != given.index())
      fail(error_code::malformed_model, "the attribute '{}' is of another type than the custom operator declares",
           name);
    at->value = given;
  }
  for (auto const& a : values)
    if (a.required && !n.attributes.contains(a.name))
      fail(error_code::malformed_model, "the attribute '{}' is required", a.name);
  return custom_attributes(std::move(values));
}

using custom_operators = std::vector<std::shared_ptr<custom_operator const>>;

/// The definition for a node, or null: of several, the newest that is not newer than the node.
inline std::shared_ptr<custom_operator const> find_custom(custom_operators const& all, node const& n) {
  std::shared_ptr<custom_operator const> best;
  for (auto const& op : all)
    if (op->domain == n.domain && op->name == n.op && op->since <= n.version && (!best || best->since < op->since))
      best = op;
  return best;
}

inline void bind_custom(node& n, std::shared_ptr<custom_operator const> op) {
  check_counts(*op, n);
  auto attributes = attributes_of(*op, n);
  bound_node made{.domain = n.domain, .op = n.op, .version = n.version, .attributes = n.attributes};
  for (auto const in : n.inputs) made.inputs.push_back(static_cast<bool>(in));
  made.found = {&custom_entry, std::make_shared<custom_node const>(custom_node{std::move(op), std::move(attributes)}),
                n.outputs.size()};
  n.bound = std::make_shared<bound_node const>(std::move(made));
}

/// Binds the nodes of `g` and of its subgraphs.
inline void bind_custom(graph& g, custom_operators const& all) {
  for (auto const id : g.topological_order()) {
    auto& n = g.at(id);
    std::vector<std::pair<std::string, std::shared_ptr<graph const>>> bodies;
    for (auto const& [name, a] : n.attributes)
      if (auto const* const body = std::get_if<std::shared_ptr<graph const>>(&a)) bodies.emplace_back(name, *body);
    for (auto const& [name, body] : bodies) {
      auto inner = *body;
      bind_custom(inner, all);
      n.attributes[name] = std::make_shared<graph const>(std::move(inner));
    }
    if (auto op = find_custom(all, n))
      with_context([&] { return describe(n); }, [&] { bind_custom(n, std::move(op)); });
  }
}

}  // namespace detail

/// Binds the nodes of `g` that `operators` define, which are copied; copies of these nodes stay bound. Errors:
/// invalid_argument for a definition that is incomplete, or of an operator that the library has or that is defined
/// twice; malformed_model or unsupported_feature for nodes that do not fit.
inline void bind_custom(graph& g, std::span<custom_operator const> operators) {
  detail::custom_operators all;
  for (auto const& op : operators) {
    detail::check_definition(op);
    for (auto const& other : all)
      if (other->domain == op.domain && other->name == op.name && other->since == op.since)
        fail(error_code::invalid_argument, "the custom operator '{}' of domain '{}' is defined twice", op.name,
             op.domain);
    all.push_back(std::make_shared<custom_operator const>(op));
  }
  if (!all.empty()) detail::bind_custom(g, all);
}

}  // namespace sinter
