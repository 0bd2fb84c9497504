#pragma once

#include <sinter/expr/text.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match_quantized.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace sinter::passes {

namespace detail {

/// The weights of a ConvInteger less their zero points, as float32; none where they are not known.
inline std::optional<any_tensor> real_weights(graph const& g, node const& n) {
  auto const* const w = constant_input(g, n, 1);
  if (!w || !is_byte(w->type()) || w->shape().rank() < 3 || w->elements() == 0) return std::nullopt;
  any_tensor zero(w->type(), shape{});
  if (n.inputs.size() > 3 && n.inputs[3]) {
    auto const* const given = constant_input(g, n, 3);
    if (!given) return std::nullopt;
    zero = *given;
  }
  auto const values = integers_of(*w), zeros = integers_of(zero);
  auto const each = values.size() / static_cast<std::size_t>(w->shape()[0]);
  if (zeros.size() != 1 && zeros.size() * each != values.size()) return std::nullopt;
  any_tensor real(dtype::float32, w->shape());
  auto* const to = static_cast<float*>(real.data());
  for (std::size_t i = 0; i < values.size(); ++i)
    to[i] = static_cast<float>(values[i] - zeros[zeros.size() == 1 ? 0 : i / each]);
  return real;
}

/// Integers as float32.
inline value_id as_real(graph& g, value_id of) {
  auto const out = g.add_value(g.at(of).name + "_real", {dtype::float32, g.at(of).type.shape});
  g.add_node({.op = "Cast", .version = 13, .attributes = {{"to", std::int64_t{1}}}, .inputs = {of}, .outputs = {out}});
  return out;
}

/// The node that quantises `q` when it runs, with the zero point `zero`; none: it is another node.
inline node_id run_time_quantization(graph const& g, value_id q, value_id zero) {
  auto const id = g.at(q).producer;
  if (!id || !zero || !is(g.at(id), "DynamicQuantizeLinear")) return {};
  auto const& outputs = g.at(id).outputs;
  return outputs.size() == 3 && outputs[0] == q && outputs[1] && outputs[2] == zero ? id : node_id{};
}

/// A value that is quantised when it runs, less its zero point: rounded as its integers are, which need not be there.
inline value_id rounded_by_range(graph& g, node_id quantization, value_id zero) {
  auto const n = g.at(quantization);
  auto const x = expr::input(0), scale = expr::input(1), point = expr::input(2);
  auto const q = expr::round(x / scale) + point;  // a NaN, or all elements are 0: the zero point
  auto const within = expr::max(expr::min(expr::select(q == q, q, point), 255.0f), 0.0f);
  auto const out = g.add_value(g.at(n.outputs[0]).name + "_rounded", g.at(n.inputs[0]).type);
  g.add_node({.domain = "sinter",
              .op = "Elementwise",
              .version = 1,
              .attributes = {{"function", expr::print(expr::flatten(within - point, 3))}},
              .inputs = {n.inputs[0], n.outputs[1], as_real(g, zero)},
              .outputs = {out}});
  return out;
}

/// A value less its zero point, one element or omitted, as float32.
inline value_id without_zero_point(graph& g, value_id q, value_id zero) {
  if (auto const id = run_time_quantization(g, q, zero)) return rounded_by_range(g, id, zero);
  auto const x = as_real(g, q);
  if (!zero) return x;
  auto const out = g.add_value(g.at(q).name + "_less", g.at(x).type);
  g.add_node({.op = "Sub", .version = 14, .inputs = {x, as_real(g, zero)}, .outputs = {out}});
  return out;
}

/// Leaves out the integers of a quantisation when it runs that only gives a range.
inline void drop_unread_integers(graph& g, value_id q) {
  auto const id = g.at(q).producer;
  if (!id || !is(g.at(id), "DynamicQuantizeLinear") || !g.at(q).users.empty() || g.is_output(q)) return;
  g.at(id).outputs[0] = {};
  g.at(q).producer = {};
}

}  // namespace detail

/// ConvInteger with constant weights, and Cast of its result to float32, become a Conv of the same numbers in float32,
/// which is exact as long as sums stay below 2^24. What is quantised when it runs is rounded in float32.
inline void lower_integer_convolution(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (!is(g.at(id), "Cast") || g.at(g.at(id).outputs[0]).type.element != dtype::float32) return;
    auto const* const from = producer(g, g.at(id), 0);
    if (!from || !is(*from, "ConvInteger") || !used_once(g, g.at(id).inputs[0])) return;
    auto const product = g.at(g.at(id).inputs[0]).producer;
    auto const n = *from;
    auto const zero = n.inputs.size() > 2 ? n.inputs[2] : value_id{};
    if (zero && (!g.at(zero).type.shape || g.at(zero).type.shape->elements() != 1)) return;
    auto weights = detail::real_weights(g, n);
    if (!weights) return;
    r.fold_budget().charge(weights->bytes());
    auto const x = detail::without_zero_point(g, n.inputs[0], zero);
    auto const w = g.add_constant(g.at(n.inputs[1]).name + "_real", std::move(*weights));
    replace_node(g, id, {.op = "Conv", .version = 11, .attributes = n.attributes, .inputs = {x, w}});
    g.erase(product);
    detail::drop_unread_integers(g, n.inputs[0]);
    r.rewrote();
  });
}

}  // namespace sinter::passes
