#pragma once

#include <sinter/graph/rewriter.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_dead.hpp>
#include <sinter/quantize/calibration.hpp>
#include <sinter/quantize/weights.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace sinter::quantize {

struct static_options {
  std::set<node_id> in_float{};  ///< quantisable nodes that stay as they are
  bool correct_bias = true;      ///< takes what rounding of the weights adds on average from the bias
};

namespace detail {

/// Puts QuantizeLinear and DequantizeLinear into a graph.
class static_quantizer {
 public:
  static_quantizer(graph& g, calibration const& seen, static_options const& how)
      : g_(g), seen_(seen), how_(how), version_(g.opsets.at("")) {}

  void run() {
    auto nodes = quantizable_nodes(g_);
    std::erase_if(nodes, [&](node_id id) { return how_.in_float.contains(id); });
    auto const points = quantized_points(g_, nodes);
    choose_steps(points);
    for (auto const id : nodes)
      if (auto const p = product_of(g_, g_.at(id))) quantize_weights(id, *p);
    std::set<node_id> const quantized(nodes.begin(), nodes.end());
    for (auto const& p : points) insert(p, quantized);
    for (auto const id : g_.topological_order())
      if (looks_up(g_, g_.at(id))) quantize_table(id);
  }

 private:
  /// Steps of all points; what chooses among quantised elements keeps theirs.
  void choose_steps(std::vector<quantized_point> const& points) {
    for (auto const& p : points) steps_[p.value] = steps_of(seen_.at(p.value).chosen);
    for (auto const id : g_.topological_order()) {
      auto const& n = g_.at(id);
      if (!chooses(n)) continue;
      auto const from = steps_.find(n.inputs[0]), to = steps_.find(n.outputs[0]);
      if (from != steps_.end() && to != steps_.end()) to->second = from->second;
    }
  }

  /// A constant; small ones that are equal are written once.
  value_id constant(value_id of, char const* what, any_tensor t) {
    constexpr std::size_t small = 1024;
    if (t.bytes() > small) return g_.add_constant(g_.at(of).name + what, std::move(t));
    std::string const bytes(static_cast<char const*>(std::as_const(t).data()), t.bytes());
    auto& known = constants_[fmt::format("{} {} {}", name(t.type()), t.shape(), bytes)];
    if (!known) known = g_.add_constant(g_.at(of).name + what, std::move(t));
    return known;
  }

  value_id add_node(value_id of, char const* suffix, node n, tensor_type type) {
    auto const out = g_.add_value(g_.at(of).name + suffix, type);
    n.version = version_;
    n.outputs = {out};
    g_.add_node(std::move(n));
    return out;
  }

  /// The float32 form of constant integers with a step for each index of `axis`.
  value_id dequantized(value_id of, any_tensor integers, std::vector<float> const& steps, std::int64_t axis) {
    tensor_type const type{dtype::float32, integers.shape()};
    auto const channels = static_cast<std::int64_t>(steps.size());
    node n{.op = "DequantizeLinear", .attributes = {{"axis", axis}}};
    bool const of_bytes = integers.type() == dtype::int8;
    n.inputs = {g_.add_constant(g_.at(of).name + "_q", std::move(integers)),
                constant(of, "_scale", any_tensor::of<float>({channels}, steps))};
    // Kernels on integers take the zero point of weights as an operand; biases never have one.
    if (of_bytes) n.inputs.push_back(constant(of, "_zero", any_tensor(dtype::int8, {channels})));
    return add_node(of, "_dq", std::move(n), type);
  }

  /// The bias of a product, zeros where it has none.
  std::vector<double> bias_of(node const& n, std::size_t outputs) const {
    std::vector<double> bias(outputs, 0);
    if (n.inputs.size() > 2 && n.inputs[2]) std::ranges::copy(g_.at(n.inputs[2]).constant.as<float>(), bias.begin());
    return bias;
  }

  void quantize_weights(node_id id, product const& p) {
    constexpr double most_units = 0x1p29;  // of a bias, which leaves room for sums of products in int32
    auto inputs = g_.at(id).inputs;
    auto const w = g_.at(inputs[1]).constant;
    auto const x_step = double{steps_.at(inputs[0]).step};
    auto const outputs = static_cast<std::size_t>(w.shape()[p.outputs]);
    auto bias = bias_of(g_.at(id), outputs);
    std::vector<float> least;
    for (double const b : bias) least.push_back(static_cast<float>(std::fabs(b) / (x_step * most_units)));
    auto const rounded = round_weights(w, p.outputs, least);
    if (how_.correct_bias) {
      auto const groups = attribute_or<std::int64_t>(g_.at(id), "group", 1);
      auto const added = rounding_bias(p, groups, w, rounded, seen_.at(inputs[0]).means);
      for (std::size_t i = 0; i < added.size(); ++i) bias[i] -= added[i];
    }
    auto const axis = static_cast<std::int64_t>(p.outputs);
    auto const bias_name = inputs.size() > 2 && inputs[2] ? inputs[2] : inputs[1];
    bool const any_bias = std::ranges::any_of(bias, [](double b) { return b != 0; });
    inputs[1] = shared_weights(inputs[1], rounded, axis);
    if (any_bias && !is(g_.at(id), "MatMul")) {
      inputs.resize(3);
      inputs[2] = p.convolves ? real_bias(bias_name, bias) : quantized_bias(bias_name, bias, rounded.steps, x_step);
    }
    passes::set_inputs(g_, id, std::move(inputs));
  }

  /// Weights that several nodes read are written once.
  value_id shared_weights(value_id of, byte_weights const& rounded, std::int64_t axis) {
    auto& made = weights_[{of, axis, rounded.steps}];
    if (!made) made = dequantized(of, rounded.values, rounded.steps, axis);
    return made;
  }

  /// The bias of a convolution, which runtimes round to units of its sums: integers would need steps beside them.
  value_id real_bias(value_id of, std::vector<double> const& bias) {
    std::vector<float> const reals(bias.begin(), bias.end());
    return g_.add_constant(g_.at(of).name + "_bias", any_tensor::of<float>({std::ssize(reals)}, reals));
  }

  /// The rows that a Gather takes are int8, with a step for each column behind it.
  void quantize_table(node_id id) {
    auto const table = g_.at(id).inputs[0];
    auto const rounded = round_weights(g_.at(table).constant, 1);
    auto const rows = shared_table(table, rounded.values);
    auto const out = g_.at(id).outputs[0];
    auto const bytes = g_.add_value(g_.at(out).name + "_q", {dtype::int8, g_.at(out).type.shape});
    g_.set_input(id, 0, rows);
    passes::take_output(g_, id, 0, bytes);
    node n{.op = "DequantizeLinear", .version = version_, .attributes = {{"axis", std::int64_t{-1}}}};
    auto const columns = std::ssize(rounded.steps);
    n.inputs = {bytes, constant(out, "_scale", any_tensor::of<float>({columns}, rounded.steps)),
                constant(out, "_zero", any_tensor(dtype::int8, {columns}))};
    n.outputs = {out};
    g_.add_node(std::move(n));
  }

  value_id shared_table(value_id of, any_tensor const& rows) {
    auto& made = tables_[of];
    if (!made) made = g_.add_constant(g_.at(of).name + "_q", rows);
    return made;
  }

  value_id quantized_bias(value_id of, std::vector<double> const& bias, std::vector<float> const& w_steps,
                          double x_step) {
    any_tensor integers(dtype::int32, {static_cast<std::int64_t>(bias.size())});
    auto* const to = static_cast<std::int32_t*>(integers.data());
    std::vector<float> steps;
    for (std::size_t i = 0; i < bias.size(); ++i) {
      steps.push_back(static_cast<float>(x_step * double{w_steps[i]}));
      to[i] = static_cast<std::int32_t>(std::clamp(std::nearbyint(bias[i] / double{steps[i]}), -0x1p30, 0x1p30));
    }
    return dequantized(of, std::move(integers), steps, 0);
  }

  /// Quantises a value and lets its readers have what is made of the integers; means of planes have it too.
  void insert(quantized_point const& p, std::set<node_id> const& quantized) {
    auto const readers = g_.at(p.value).users;
    auto const [step, zero] = steps_.at(p.value);
    auto const type = g_.at(p.value).type;
    auto const scale = constant(p.value, "_scale", any_tensor::scalar(step));
    auto const zero_point = constant(p.value, "_zero", any_tensor::scalar(zero));
    auto const bytes = add_node(p.value, "_q", {.op = "QuantizeLinear", .inputs = {p.value, scale, zero_point}},
                                {dtype::uint8, type.shape});
    auto const real = add_node(p.value, "_dq", {.op = "DequantizeLinear", .inputs = {bytes, scale, zero_point}}, type);
    for (auto const reader : readers)
      for (std::size_t slot = 0; slot < g_.at(reader).inputs.size(); ++slot)
        if (g_.at(reader).inputs[slot] == p.value &&
            (p.by_all || quantized.contains(reader) || is(g_.at(reader), "GlobalAveragePool")))
          g_.set_input(reader, slot, real);
  }

  graph& g_;
  calibration const& seen_;
  static_options const& how_;
  std::int64_t version_;
  std::map<value_id, byte_steps> steps_{};
  std::map<std::string, value_id> constants_{};
  std::map<std::tuple<value_id, std::int64_t, std::vector<float>>, value_id> weights_{};
  std::map<value_id, value_id> tables_{};
};

}  // namespace detail

/// Quantises a graph in standard form, QDQ: products with constant weights, sums of two values and gates of
/// channels stand between DequantizeLinear and QuantizeLinear, activations are uint8 with a step
/// and zero point for each, weights int8 with a step for each channel, biases int32, those of convolutions float32.
/// Tables that rows are gathered of are int8 with a step for each column. What leaves the graph stays float32. `seen`
/// is of the same graph. Errors: invalid_argument where there is nothing to quantise.
inline graph quantize_static(graph g, calibration const& seen, static_options const& how = {}) {
  if (quantizable_nodes(g).empty())
    fail(error_code::invalid_argument,
         "nothing to quantise: the model has no Conv, Gemm or MatMul of float32 with constant weights");
  detail::static_quantizer(g, seen, how).run();
  rewriter r(g);
  passes::eliminate_dead(r);
  return g;
}

}  // namespace sinter::quantize
