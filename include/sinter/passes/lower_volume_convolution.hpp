#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_transposes.hpp>
#include <sinter/passes/match.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// Builds convolutions over planes in place of the sinter.Conv `id` over volumes, whose shapes are known.
class volume_lowering {
 public:
  using list = std::vector<std::int64_t>;

  volume_lowering(graph& g, node_id id)
      : g_(g),
        id_(id),
        n_(g.at(id)),
        x_(*g.at(n_.inputs[0]).type.shape),
        w_(*g.at(n_.inputs[1]).type.shape),
        y_(*g.at(n_.outputs[0]).type.shape) {}

  /// Whether a window is one element of a slice of the volume, so that slices may be lines.
  bool is_along_depth() const {
    return w_[3] == 1 && w_[4] == 1 && of("strides", 1) == 1 && of("strides", 2) == 1 && of("pads", 1) == 0 &&
           of("pads", 2) == 0 && of("pads", 4) == 0 && of("pads", 5) == 0;
  }
  bool is_grouped() const { return of("group") != 1; }

  /// Slices are lines of a plane.
  void flatten_slices() {
    auto const area = checked_mul(x_[3], x_[4]);
    auto const x = reshaped(n_.inputs[0], {x_[0], x_[1], x_[2], area});
    auto const w = reshaped(n_.inputs[1], {w_[0], w_[1], w_[2], 1});
    auto const y = convolved(x, w, {y_[0], y_[1], y_[2], area}, 0, {w_[2], 1});
    replace_node(g_, id_, reshape_node(g_, y, y_));
  }

  /// Each slice of the result is a plane, made of as many planes as the window is deep, whose channels lie one after
  /// the other.
  void stack_slices() {
    auto const depth = w_[2], channels = checked_mul(depth, x_[1]), items = checked_mul(x_[0], y_[2]);
    std::vector<value_id> parts;
    auto const padded = with_pads(n_.inputs[0]);
    for (std::int64_t t = 0; t < depth; ++t) parts.push_back(slices(padded, checked_mul(t, of("dilations", 0))));
    auto const joined =
        added({.op = "Concat", .version = 13, .attributes = {{"axis", std::int64_t{1}}}, .inputs = parts},
              {x_[0], channels, y_[2], x_[3], x_[4]});
    auto const x = reshaped(turned(joined, {x_[0], y_[2], channels, x_[3], x_[4]}), {items, channels, x_[3], x_[4]});
    auto const w = reshaped(turned(n_.inputs[1], {w_[0], depth, w_[1], w_[3], w_[4]}), {w_[0], channels, w_[3], w_[4]});
    auto const y = convolved(x, w, {items, y_[1], y_[3], y_[4]}, 1, {w_[3], w_[4]});
    auto last = turn(reshaped(y, {y_[0], y_[2], y_[1], y_[3], y_[4]}));
    replace_node(g_, id_, std::move(last));
  }

 private:
  std::int64_t of(std::string const& name) const { return attribute_or<std::int64_t>(n_, name, 1); }
  std::int64_t of(std::string const& name, std::size_t i) const { return attribute_or(n_, name, list{}).at(i); }

  value_id added(node made, shape s) {
    auto const name = g_.at(n_.outputs[0]).name + "_" + std::to_string(made_++);
    made.name = n_.name;
    made.outputs = {g_.add_value(name, {dtype::float32, std::move(s)})};
    auto const out = made.outputs[0];
    g_.add_node(std::move(made));
    return out;
  }
  value_id numbers(list const& values) {
    auto const name = g_.at(n_.outputs[0]).name + "_" + std::to_string(made_++);
    return g_.add_constant(name, any_tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
  value_id reshaped(value_id v, shape const& s) { return added(reshape_node(g_, v, s), s); }

  /// Exchanges channels and slices.
  static node turn(value_id v) {
    return {.op = "Transpose", .version = 13, .attributes = {{"perm", list{0, 2, 1, 3, 4}}}, .inputs = {v}};
  }
  value_id turned(value_id v, shape s) { return added(turn(v), std::move(s)); }

  value_id with_pads(value_id v) {
    auto const before = of("pads", 0), after = of("pads", 3);
    if (before == 0 && after == 0) return v;
    auto const depth = checked_add(x_[2], checked_add(before, after));
    auto const pads = numbers({0, 0, before, 0, 0, 0, 0, after, 0, 0});
    return added({.op = "Pad", .version = 13, .inputs = {v, pads}}, {x_[0], x_[1], depth, x_[3], x_[4]});
  }

  /// From `first` on, those that the windows of all slices of the result begin with.
  value_id slices(value_id v, std::int64_t first) {
    auto const step = of("strides", 0), end = checked_add(first, checked_add(checked_mul(y_[2] - 1, step), 1));
    return added(
        {.op = "Slice", .version = 13, .inputs = {v, numbers({first}), numbers({end}), numbers({2}), numbers({step})}},
        {x_[0], x_[1], y_[2], x_[3], x_[4]});
  }

  /// A convolution with the geometry of the spatial axes `axis` and the one behind it.
  value_id convolved(value_id x, value_id w, shape s, std::size_t axis, list kernel) {
    node made{.domain = "sinter", .op = "Conv", .version = 1, .inputs = {x, w}};
    if (n_.inputs.size() > 2) made.inputs.push_back(n_.inputs[2]);
    auto const pair = [&](std::string const& name, std::size_t i) { return list{of(name, i), of(name, i + 1)}; };
    auto pads = pair("pads", axis);
    for (auto const end : pair("pads", axis + 3)) pads.push_back(end);
    made.attributes = {{"kernel_shape", std::move(kernel)},
                       {"strides", pair("strides", axis)},
                       {"dilations", pair("dilations", axis)},
                       {"pads", std::move(pads)},
                       {"group", of("group")}};
    if (auto const epilogue = n_.attributes.find("epilogue"); epilogue != n_.attributes.end())
      made.attributes["epilogue"] = epilogue->second;
    return added(std::move(made), std::move(s));
  }

  graph& g_;
  node_id id_;
  node n_;
  shape x_, w_, y_;
  int made_ = 0;
};

/// Whether `n` is a sinter.Conv over volumes of known shapes, whose epilogue, if it has one, reads nothing else.
inline bool is_volume_convolution(graph const& g, node const& n) {
  if (!is_fused(n, "Conv") || n.inputs.size() > 3) return false;
  auto const &x = g.at(n.inputs[0]).type, &w = g.at(n.inputs[1]).type, &y = g.at(n.outputs[0]).type;
  return x.element == dtype::float32 && x.shape && w.shape && y.shape && x.shape->rank() == 5 && w.shape->rank() == 5 &&
         y.shape->rank() == 5 && y.shape->elements() > 0 && x.shape->elements() > 0;
}

}  // namespace detail

/// Turns a sinter.Conv over three spatial axes into one over two, of which each item is a slice of the result; grouped
/// ones only where their windows are one element of a slice.
inline void lower_volume_convolution(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (!detail::is_volume_convolution(g, g.at(id))) return;
    detail::volume_lowering lowering(g, id);
    if (lowering.is_along_depth())
      lowering.flatten_slices();
    else if (lowering.is_grouped())
      return;
    else
      lowering.stack_slices();
    r.rewrote();
  });
}

}  // namespace sinter::passes
