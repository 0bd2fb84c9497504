#pragma once

// Part of ops/all.hpp: include that, once per program.

#include <sinter/core/limits.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/ops/subgraph_runner.hpp>

#include <algorithm>
#include <new>
#include <string>

namespace sinter {

namespace detail {

inline void add_unsupported(graph const& g, std::vector<unsupported_node>& to) {
  for (auto const id : g.topological_order()) {
    auto const& n = g.at(id);
    try {
      bind(n);
    } catch (error const& e) {
      to.push_back({fmt::format("{}: {}", describe(n), e.message()), e.code()});
    }
    for (auto const& [name, a] : n.attributes)
      if (auto const* body = std::get_if<std::shared_ptr<graph const>>(&a)) add_unsupported(**body, to);
  }
}

inline any_tensor allocate(tensor_type const& type) {
  if (!type.shape) fail(error_code::unsupported_feature, "the shape of an output is unknown even when all inputs are");
  auto const bytes = dense_bytes(type.element, *type.shape);
  if (bytes > limits{}.arena_bytes)
    fail(error_code::limit_exceeded, "a tensor of shape {} takes {} bytes, at most {} are allowed", *type.shape, bytes,
         limits{}.arena_bytes);
  try {
    return any_tensor(type.element, *type.shape);
  } catch (std::bad_alloc const&) {
    fail(error_code::system, "no memory for a tensor of shape {} ({} bytes)", *type.shape, bytes);
  }
}

/// Where an output goes; one with a bound has room for the most that it can hold.
struct result_place {
  tensor_type type{};
  std::optional<bounded_shape> bound{};
};

/// Places for the outputs of an operator. Where a counting kernel decides a shape, it need not run for that alone,
/// unless the bound is large.
inline std::vector<result_place> places_of(bound_operator const& op, std::span<operand const> operands) {
  constexpr std::int64_t large = 4 << 20;
  auto const in = inputs::uncounted(operands);
  std::vector<result_place> places;
  for (auto& type : op.infer(in)) places.push_back({std::move(type)});
  auto const is_open = [](result_place const& p) { return !p.type.shape; };
  if (std::ranges::none_of(places, is_open)) return places;
  auto const bounds = op.bounds(in);
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i)
    if (is_open(places[i])) {
      bytes = checked_add(bytes, dense_bytes(places[i].type.element, bounds[i].most));
      places[i] = {{places[i].type.element, bounds[i].most}, bounds[i]};
    }
  if (bytes <= large) return places;
  auto const counted = op.infer(inputs(operands));
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = {counted[i]};
  return places;
}

inline std::vector<any_tensor> run_node(bound_operator const& op, node const& n, std::vector<any_tensor> const& in,
                                        subgraph_runner* bodies) {
  if (op.entry->passes_on) return {in[0]};
  if (op.allocates()) {
    evaluated_subgraphs loops;
    auto results = op.entry->execute(in, op.attributes.get(), bodies ? *bodies : loops);
    results.resize(n.outputs.size());
    return results;
  }
  std::vector<operand> operands;
  std::vector<tensor_view> views;
  for (auto const& t : in) {
    views.push_back(t.view());
    operands.push_back(t ? operand{{t.type(), t.shape()}, &t} : operand{});
  }
  auto const outputs = places_of(op, operands);
  std::vector<any_tensor> results(n.outputs.size());
  std::vector<mutable_tensor_view> result_views;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (n.outputs[i] && i < outputs.size()) results[i] = allocate(outputs[i].type);
    result_views.push_back(results[i].mutable_view());
  }
  auto const is_counted = [](result_place const& p) { return p.bound.has_value(); };
  if (std::ranges::none_of(results, [](any_tensor const& t) { return t && t.elements() > 0; }) &&
      std::ranges::none_of(outputs, is_counted))
    return results;
  auto const found = op.evaluate(views, result_views);
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i] && outputs[i].bound) results[i] = results[i].first(outputs[i].bound->with(found));
  return results;
}

/// The values of a graph while it runs: each is dropped when its last user has run.
class running_values {
 public:
  explicit running_values(graph const& g) : graph_(g), values_(g.value_count()), uses_(g.value_count()) {
    for (std::size_t i = 0; i < uses_.size(); ++i) {
      value_id const id{static_cast<std::int32_t>(i)};
      uses_[i] = g.at(id).users.size();
    }
    for (auto const& out : g.outputs) ++uses_[index(out.value)];
  }

  void set(value_id id, any_tensor t) {
    if (id && uses_[index(id)] > 0) values_[index(id)] = std::move(t);
  }
  any_tensor get(value_id id) const {
    if (!id) return {};
    auto const& constant = graph_.at(id).constant;
    return constant ? constant : values_[index(id)];
  }
  void used(value_id id) {
    if (id && --uses_[index(id)] == 0) values_[index(id)] = {};
  }

 private:
  static std::size_t index(value_id id) { return static_cast<std::size_t>(id.index); }

  graph const& graph_;
  std::vector<any_tensor> values_;
  std::vector<std::size_t> uses_;
};

}  // namespace detail

std::vector<unsupported_node> unsupported_nodes(graph const& g) {
  std::vector<unsupported_node> found;
  detail::add_unsupported(g, found);
  return found;
}

void check_supported(graph const& g) {
  auto const found = unsupported_nodes(g);
  if (found.empty()) return;
  bool const lacks = std::ranges::count(found, error_code::unsupported_operator, &unsupported_node::code) > 0;
  std::string reasons;
  for (auto const& n : found) reasons += "\n    " + n.reason;
  fail(lacks ? error_code::unsupported_operator : found[0].code, "{} of the model's nodes are not supported:{}",
       found.size(), reasons);
}

std::vector<std::string> warnings(graph const& g) {
  constexpr std::int64_t newest = 28;  // the operator set of ai.onnx that the table of operators knows
  auto const opset = g.opsets.find("");
  if (opset == g.opsets.end() || opset->second <= newest) return {};
  return {
      fmt::format("the model was written for operator set {}, newer than {}, the newest that this library knows; "
                  "what an operator does may have changed",
                  opset->second, newest)};
}

std::vector<any_tensor> evaluate(bound_operator const& op, node const& context, std::vector<any_tensor> const& inputs,
                                 subgraph_runner* bodies) {
  return with_context([&] { return describe(context); }, [&] { return detail::run_node(op, context, inputs, bodies); });
}

graph_evaluation::graph_evaluation(graph const& g) : graph_(g) {
  for (auto const id : g.topological_order()) steps_.push_back({&g.at(id), bind(g.at(id))});
}

std::vector<any_tensor> graph_evaluation::operator()(std::vector<any_tensor> const& inputs) const {
  auto const& g = graph_;
  if (inputs.size() != g.inputs.size())
    fail(error_code::invalid_argument, "the graph has {} inputs, {} were given", g.inputs.size(), inputs.size());
  detail::running_values values(g);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto const& v = g.at(g.inputs[i].value);
    if (v.type.element != dtype::undefined && v.type.element != inputs[i].type())
      fail(error_code::invalid_argument, "the input '{}' holds {}, expected {}", v.name, name(inputs[i].type()),
           name(v.type.element));
    values.set(g.inputs[i].value, inputs[i]);
  }
  for (auto const& [step, op] : steps_) {
    auto const& n = *step;
    std::vector<any_tensor> operands;
    for (auto const in : n.inputs) operands.push_back(values.get(in));
    auto results = evaluate(op, n, operands);
    for (std::size_t i = 0; i < n.outputs.size(); ++i) values.set(n.outputs[i], std::move(results[i]));
    for (auto const in : n.inputs) values.used(in);
  }
  std::vector<any_tensor> outputs;
  for (auto const& out : g.outputs) {
    outputs.push_back(values.get(out.value));
    expect_declared(g.at(out.value), outputs.back().type());
  }
  return outputs;
}

std::vector<any_tensor> evaluate(graph const& g, std::vector<any_tensor> const& inputs) {
  check_supported(g);
  return graph_evaluation(g)(inputs);
}

types infer_outputs(graph const& g, std::span<operand const> inputs_given) {
  std::vector<operand> known(g.value_count());
  auto const at = [&](value_id id) -> operand& { return known[static_cast<std::size_t>(id.index)]; };
  for (std::size_t i = 0; i < known.size(); ++i) {
    auto const& v = g.at(value_id{static_cast<std::int32_t>(i)});
    if (v.is_constant()) known[i] = {v.type, &v.constant};
  }
  for (std::size_t i = 0; i < g.inputs.size() && i < inputs_given.size(); ++i) at(g.inputs[i].value) = inputs_given[i];
  for (auto const id : g.topological_order()) {
    auto const& n = g.at(id);
    std::vector<operand> operands;
    for (auto const in : n.inputs) operands.push_back(in ? at(in) : operand{});
    auto const found = infer(n, operands);
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      if (n.outputs[i]) at(n.outputs[i]).type = found[i];
  }
  types outputs;
  for (auto const& out : g.outputs) {
    outputs.push_back(at(out.value).type);
    expect_declared(g.at(out.value), outputs.back().element);
  }
  return outputs;
}

}  // namespace sinter
