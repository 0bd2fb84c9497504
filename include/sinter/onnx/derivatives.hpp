#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/graph/graph.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How gradients go back through operators: what a node adds to the gradients of its inputs, as nodes of ONNX.
namespace sinter::onnx {

/// Appends nodes of ai.onnx to a graph.
class node_writer {
 public:
  node_writer(graph& g, std::string prefix, budget& nodes) : graph_(g), prefix_(std::move(prefix)), nodes_(nodes) {}

  graph& get() { return graph_; }

  std::vector<value_id> several(std::size_t count, std::string op, std::vector<value_id> operands,
                                attribute_map attributes = {}, std::string domain = {}) {
    nodes_.charge(1);
    node n{.name = fmt::format("{}/{}_{}", prefix_, op, graph_.node_capacity()),
           .domain = std::move(domain),
           .op = std::move(op),
           .version = opset,
           .attributes = std::move(attributes),
           .inputs = std::move(operands)};
    for (std::size_t i = 0; i < count; ++i) n.outputs.push_back(graph_.add_value(fmt::format("{}_{}", n.name, i)));
    auto results = n.outputs;
    graph_.add_node(std::move(n));
    return results;
  }
  value_id operator()(std::string op, std::vector<value_id> operands, attribute_map attributes = {},
                      std::string domain = {}) {
    return several(1, std::move(op), std::move(operands), std::move(attributes), std::move(domain))[0];
  }

  value_id integers(std::vector<std::int64_t> const& v) {
    return graph_.add_constant(fmt::format("{}/integers_{}", prefix_, graph_.value_count()),
                               any_tensor::of<std::int64_t>({static_cast<std::int64_t>(v.size())}, v));
  }
  /// A number of the element type of `like`.
  value_id number(float x, value_id like) {
    auto const constant = graph_.add_constant(fmt::format("{}/number_{}", prefix_, graph_.value_count()),
                                              any_tensor::of<float>({}, std::array{x}));
    return (*this)("CastLike", {constant, like});
  }
  value_id plus(value_id x, value_id y) { return (*this)("Add", {x, y}); }
  value_id minus(value_id x, value_id y) { return (*this)("Sub", {x, y}); }
  value_id times(value_id x, value_id y) { return (*this)("Mul", {x, y}); }
  value_id over(value_id x, value_id y) { return (*this)("Div", {x, y}); }
  value_id negative(value_id x) { return (*this)("Neg", {x}); }
  /// x where the condition holds, else 0.
  value_id where(value_id condition, value_id x) { return (*this)("Where", {condition, x, number(0, x)}); }
  /// A tensor of one number, of shape and type of `like`.
  value_id filled(float x, value_id like) {
    return (*this)("CastLike", {(*this)("ConstantOfShape", {(*this)("Shape", {like})},
                                        {{"value", any_tensor::of<float>({1}, std::array{x})}}),
                                like});
  }
  /// x, of as many elements, in the shape of `like`.
  value_id shaped(value_id x, value_id like) {
    return (*this)("Reshape", {x, (*this)("Shape", {like})}, {{"allowzero", std::int64_t{1}}});
  }
  value_id expanded(value_id x, value_id like) { return (*this)("Expand", {x, (*this)("Shape", {like})}); }
  /// The gradient of `like`, which was broadcast to the shape of `x`, from that of what came of it.
  value_id summed(value_id x, value_id like) { return (*this)("SumToShape", {x, like}, {}, "sinter"); }

 private:
  static constexpr std::int64_t opset = 23;  ///< of ai.onnx, whose operators derivatives are made of

  graph& graph_;
  std::string prefix_;
  budget& nodes_;
};

/// A node on the way back.
struct backward_step {
  node const& n;
  value_id dy{};  ///< the gradient of output 0

  value_id x(std::size_t i = 0) const { return i < n.inputs.size() ? n.inputs[i] : value_id{}; }
  value_id y() const { return n.outputs[0]; }
  template <typename T>
  T attribute(std::string_view name, T otherwise) const {
    auto const found = n.attributes.find(name);
    if (found == n.attributes.end()) return otherwise;
    auto const* const given = std::get_if<T>(&found->second);
    if (!given) fail(error_code::malformed_model, "the attribute '{}' is of another type than expected", name);
    return *given;
  }
};

/// The gradients of the inputs of a node, from the front; none for those that have none.
using input_gradients = std::vector<value_id>;

struct derivative {
  std::string_view op;
  input_gradients (*of)(node_writer&, backward_step const&);
};

namespace detail {

/// Of an operator with one input, whose derivative is a factor.
template <value_id (*Factor)(node_writer&, backward_step const&)>
input_gradients scaled(node_writer& w, backward_step const& s) {
  return {w.times(s.dy, Factor(w, s))};
}

inline value_id sigmoid_factor(node_writer& w, backward_step const& s) {
  return w.times(s.y(), w.minus(w.number(1, s.y()), s.y()));
}
inline value_id tanh_factor(node_writer& w, backward_step const& s) {
  return w.minus(w.number(1, s.y()), w.times(s.y(), s.y()));
}
inline value_id sqrt_factor(node_writer& w, backward_step const& s) { return w.over(w.number(0.5f, s.y()), s.y()); }
inline value_id reciprocal_factor(node_writer& w, backward_step const& s) { return w.negative(w.times(s.y(), s.y())); }

inline input_gradients of_power(node_writer& w, backward_step const& s) {
  auto const x = s.x(0), power = w("CastLike", {s.x(1), x});
  auto const below = w("Pow", {x, w.minus(power, w.number(1, x))});
  auto const logarithm = w.where(w("Greater", {x, w.number(0, x)}), w("Log", {x}));
  return {w.summed(w.times(s.dy, w.times(power, below)), x),
          w("CastLike", {w.summed(w.times(s.dy, w.times(s.y(), logarithm)), s.x(1)), s.x(1)})};
}

inline input_gradients of_product(node_writer& w, backward_step const& s) {
  auto const einsum = [&](std::string equation, value_id a, value_id b) {
    return w("Einsum", {a, b}, {{"equation", std::move(equation)}});
  };
  return {w.summed(einsum("...ij,...kj->...ik", s.dy, s.x(1)), s.x(0)),
          w.summed(einsum("...ji,...jk->...ik", s.x(0), s.dy), s.x(1))};
}

/// y = alpha a b + beta c, where a and b may be transposed.
inline input_gradients of_gemm(node_writer& w, backward_step const& s) {
  auto const alpha = s.attribute("alpha", 1.0f);
  auto const a_is_turned = s.attribute("transA", std::int64_t{0}) != 0;
  auto const b_is_turned = s.attribute("transB", std::int64_t{0}) != 0;
  auto const product = [&](value_id a, bool turn_a, value_id b, bool turn_b) {
    return w("Gemm", {a, b},
             {{"alpha", alpha},
              {"transA", static_cast<std::int64_t>(turn_a)},
              {"transB", static_cast<std::int64_t>(turn_b)}});
  };
  auto const a = s.x(0), b = s.x(1);
  input_gradients all{a_is_turned ? product(b, b_is_turned, s.dy, true) : product(s.dy, false, b, !b_is_turned),
                      b_is_turned ? product(s.dy, true, a, a_is_turned) : product(a, !a_is_turned, s.dy, false)};
  if (auto const c = s.x(2)) all.push_back(w.summed(w.times(s.dy, w.number(s.attribute("beta", 1.0f), s.dy)), c));
  return all;
}

inline input_gradients of_transpose(node_writer& w, backward_step const& s) {
  auto const order = s.attribute("perm", std::vector<std::int64_t>{});
  if (order.empty()) return {w("Transpose", {s.dy})};
  std::vector<std::int64_t> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] < 0 || order[i] >= static_cast<std::int64_t>(order.size()))
      fail(error_code::malformed_model, "perm has {}, expected 0 to {}", order[i], order.size() - 1);
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  }
  return {w("Transpose", {s.dy}, {{"perm", back}})};
}

inline input_gradients of_reshape(node_writer& w, backward_step const& s) { return {w.shaped(s.dy, s.x())}; }
inline input_gradients of_broadcast(node_writer& w, backward_step const& s) { return {w.summed(s.dy, s.x())}; }

/// The gradient of a sum, at each of its terms: the sum's shape is that with all axes kept.
inline value_id spread(node_writer& w, backward_step const& s) {
  auto kept = s.n.attributes;
  kept["keepdims"] = std::int64_t{1};
  auto& g = w.get();
  auto const like = w(s.n.op, s.n.inputs, std::move(kept));
  g.at(g.at(like).producer).version = s.n.version;  // axes are an attribute or an input
  return w.expanded(w.shaped(s.dy, like), s.x());
}
inline input_gradients of_sum(node_writer& w, backward_step const& s) { return {spread(w, s)}; }
inline input_gradients of_mean(node_writer& w, backward_step const& s) {
  auto const terms = w("Div", {w("Size", {s.x()}), w("Size", {s.y()})});
  return {w.over(spread(w, s), w("CastLike", {terms, s.dy}))};
}

inline value_id summed_along(node_writer& w, value_id x, std::int64_t axis) {
  return w("ReduceSum", {x, w.integers({axis})});
}
inline std::int64_t softmax_axis(backward_step const& s) {
  if (s.n.version < 13)
    fail(error_code::unsupported_feature, "the derivative of {} is known from version 13 of the operator set on",
         s.n.op);
  return s.attribute("axis", std::int64_t{-1});
}
inline input_gradients of_softmax(node_writer& w, backward_step const& s) {
  auto const sum = summed_along(w, w.times(s.dy, s.y()), softmax_axis(s));
  return {w.times(s.y(), w.minus(s.dy, sum))};
}
inline input_gradients of_log_softmax(node_writer& w, backward_step const& s) {
  return {w.minus(s.dy, w.times(w("Exp", {s.y()}), summed_along(w, s.dy, softmax_axis(s))))};
}

inline input_gradients of_concat(node_writer& w, backward_step const& s) {
  auto const axis = s.attribute("axis", std::int64_t{1});
  std::vector<value_id> extents;
  for (auto const x : s.n.inputs) extents.push_back(w("Gather", {w("Shape", {x}), w.integers({axis})}));
  auto const all = w("Concat", extents, {{"axis", std::int64_t{0}}});
  return w.several(extents.size(), "Split", {s.dy, all}, {{"axis", axis}});
}

inline input_gradients of_leaky_relu(node_writer& w, backward_step const& s) {
  auto const slope = w.times(s.dy, w.number(s.attribute("alpha", 0.01f), s.dy));
  return {w("Where", {w("Less", {s.x(), w.number(0, s.x())}), slope, s.dy})};
}

/// No gradient goes through steps and shapes.
inline input_gradients none(node_writer&, backward_step const&) { return {}; }

}  // namespace detail

/// Of operators of ai.onnx, and of those that derivatives are made of.
inline constexpr auto derivatives = std::to_array<derivative>({
    {"Abs", [](auto& w, auto const& s) -> input_gradients { return {w.times(s.dy, w("Sign", {s.x()}))}; }},
    {"Add",
     [](auto& w, auto const& s) -> input_gradients { return {w.summed(s.dy, s.x(0)), w.summed(s.dy, s.x(1))}; }},
    {"Cast", [](auto& w, auto const& s) -> input_gradients { return {w("CastLike", {s.dy, s.x()})}; }},
    {"CastLike", [](auto& w, auto const& s) -> input_gradients { return {w("CastLike", {s.dy, s.x()})}; }},
    {"Ceil", detail::none},
    {"Concat", detail::of_concat},
    {"ConstantOfShape", detail::none},
    {"Cos", [](auto& w, auto const& s) -> input_gradients { return {w.negative(w.times(s.dy, w("Sin", {s.x()})))}; }},
    {"Div",
     [](auto& w, auto const& s) -> input_gradients {
       auto const part = w.over(s.dy, s.x(1));
       return {w.summed(part, s.x(0)), w.summed(w.negative(w.times(part, s.y())), s.x(1))};
     }},
    {"Exp", [](auto& w, auto const& s) -> input_gradients { return {w.times(s.dy, s.y())}; }},
    {"Expand", detail::of_broadcast},
    {"Flatten", detail::of_reshape},
    {"Floor", detail::none},
    {"Gemm", detail::of_gemm},
    {"Greater", detail::none},
    {"Identity", [](auto&, auto const& s) -> input_gradients { return {s.dy}; }},
    {"LeakyRelu", detail::of_leaky_relu},
    {"Less", detail::none},
    {"Log", [](auto& w, auto const& s) -> input_gradients { return {w.over(s.dy, s.x())}; }},
    {"LogSoftmax", detail::of_log_softmax},
    {"MatMul", detail::of_product},
    {"Mul",
     [](auto& w, auto const& s) -> input_gradients {
       return {w.summed(w.times(s.dy, s.x(1)), s.x(0)), w.summed(w.times(s.dy, s.x(0)), s.x(1))};
     }},
    {"Neg", [](auto& w, auto const& s) -> input_gradients { return {w.negative(s.dy)}; }},
    {"Pow", detail::of_power},
    {"Reciprocal", detail::scaled<detail::reciprocal_factor>},
    {"ReduceMean", detail::of_mean},
    {"ReduceSum", detail::of_sum},
    {"Relu",
     [](auto& w, auto const& s) -> input_gradients {
       return {w.where(w("Greater", {s.x(), w.number(0, s.x())}), s.dy)};
     }},
    {"Reshape", detail::of_reshape},
    {"Shape", detail::none},
    {"Sigmoid", detail::scaled<detail::sigmoid_factor>},
    {"Sign", detail::none},
    {"Sin", [](auto& w, auto const& s) -> input_gradients { return {w.times(s.dy, w("Cos", {s.x()}))}; }},
    {"Size", detail::none},
    {"Softmax", detail::of_softmax},
    {"Softplus", [](auto& w, auto const& s) -> input_gradients { return {w.times(s.dy, w("Sigmoid", {s.x()}))}; }},
    {"Sqrt", detail::scaled<detail::sqrt_factor>},
    {"Squeeze", detail::of_reshape},
    {"Sub",
     [](auto& w, auto const& s) -> input_gradients {
       return {w.summed(s.dy, s.x(0)), w.summed(w.negative(s.dy), s.x(1))};
     }},
    {"Sum",
     [](auto& w, auto const& s) -> input_gradients {
       input_gradients all;
       for (auto const x : s.n.inputs) all.push_back(w.summed(s.dy, x));
       return all;
     }},
    {"SumToShape", [](auto& w, auto const& s) -> input_gradients { return {w.expanded(s.dy, s.x())}; }},
    {"Tanh", detail::scaled<detail::tanh_factor>},
    {"Transpose", detail::of_transpose},
    {"Unsqueeze", detail::of_reshape},
    {"Where",
     [](auto& w, auto const& s) -> input_gradients {
       auto const zero = w.number(0, s.dy);
       return {{}, w.summed(w.where(s.x(0), s.dy), s.x(1)), w.summed(w("Where", {s.x(0), zero, s.dy}), s.x(2))};
     }},
});

}  // namespace sinter::onnx
