#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/growth.hpp>
#include <sinter/passes/match.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

/// How operators run on tensors of which only the first indices of an axis count. A rule rewrites one node, so that
/// those of its results that count are right whatever lies behind, and notes what then lies behind in its results.
namespace sinter::passes {

struct growth_rule {
  std::string_view domain{}, op{};
  void (*apply)(growth&, node_id);
};

namespace detail {

inline growth_rest worst(growth_rest a, growth_rest b) { return std::max(a, b); }

/// What lies behind what counts of an operand; of one that does not grow, what it holds.
inline growth_rest rest_of(growth const& w, value_id v) {
  auto const& f = w.facts()[v];
  if (f.grows() || f.low.element != dtype::float32) return f.rest;
  if (!f.known()) return growth_rest::finite;
  auto const values = f.low_value.as<float>();
  if (values.size() == 1 && values[0] == 0) return growth_rest::zero;
  return std::ranges::all_of(values, [](float x) { return std::isfinite(x); }) ? growth_rest::finite
                                                                               : growth_rest::anything;
}

inline void set_rest(growth& w, node_id id, growth_rest rest) {
  for (auto const out : w.get().at(id).outputs)
    if (out) w.facts()[out].rest = rest;
}

/// An operator that handles each element, or each index of the growing axis, on its own.
inline void keep_as_it_is(growth& w, node_id id) { set_rest(w, id, rest_of(w, w.get().at(id).inputs[0])); }

inline growth_rest elementwise_rest(growth const& w, node const& n) {
  std::vector<growth_rest> of;
  for (auto const in : n.inputs)
    if (in) of.push_back(rest_of(w, in));
  if (is(n, "Where")) return worst(of[1], of[2]);  // whichever the condition takes
  auto const most = *std::ranges::max_element(of);
  if (most == growth_rest::anything || !n.domain.empty()) return growth_rest::anything;
  if (n.op == "Mul") return std::min(of[0], of[1]);
  if (n.op == "Div") return w.facts().grows(n.inputs[1]) ? growth_rest::anything : of[0];
  if (n.op == "Add" || n.op == "Sub" || n.op == "Neg" || n.op == "Cast") return most;
  return growth_rest::anything;
}

inline void keep_elementwise(growth& w, node_id id) { set_rest(w, id, elementwise_rest(w, w.get().at(id))); }

/// Puts a constant in the place of extents that depend on the length.
inline void make_room(growth& w, node_id id, std::size_t slot) {
  auto& g = w.get();
  g.set_input(id, slot, w.constant_shape(w.room(g.at(id).outputs[0])));
}

inline void reshape_growing(growth& w, node_id id) {
  auto const in = w.get().at(id).inputs[0], out = w.get().at(id).outputs[0];
  auto const before = w.facts().growing_axes(in), after = w.facts().growing_axes(out);
  if (before.size() != 1 || after.size() != 1) growth::refuse(w.get().at(id), "more than one axis grows");
  auto const &x = *w.facts()[in].low.shape, &y = *w.facts()[out].low.shape;
  if (x.elements(0, before[0]) != y.elements(0, after[0]) || x[before[0]] != y[after[0]])
    growth::refuse(w.get().at(id), "the axis that grows is split or joined with others");
  auto view = reshape_node(w.get(), in, w.room(out));
  w.facts().extend(w.get());
  replace_node(w.get(), id, std::move(view));
  keep_as_it_is(w, id);
}

inline void expand_growing(growth& w, node_id id) {
  make_room(w, id, 1);
  keep_as_it_is(w, id);
}

inline void fill_growing(growth& w, node_id id) {
  make_room(w, id, 0);
  set_rest(w, id, growth_rest::anything);
}

inline void count_growing(growth& w, node_id id) {
  auto& g = w.get();
  auto const out = g.at(id).outputs[0];
  auto const& f = w.facts()[out];
  if (!f.known() || f.low.element != dtype::int64) growth::refuse(g.at(id), "its numbers are unknown");
  auto const low = integers_of(f.low_value.view()), high = integers_of(f.high_value.view());
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(w.capacity()));
  if (low.size() < 2 || low[0] != high[0]) growth::refuse(g.at(id), "it does not start with a constant");
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = low[0] + static_cast<std::int64_t>(i) * (low[1] - low[0]);
  replace_node(g, id, {.op = "Identity", .version = 13, .inputs = {w.constant(numbers)}});
}

/// Rows behind those that count: they are written into the room that there is.
inline void append_growing(growth& w, node_id id) {
  auto& g = w.get();
  auto const n = g.at(id);
  auto const out = n.outputs[0];
  auto const axis = normalize_axis(attribute_or<std::int64_t>(n, "axis", 1), w.facts()[out].low.shape->rank());
  auto const along = [&](value_id v) { return w.facts().grows_along(v, axis); };
  auto const how_many = std::ranges::count_if(n.inputs, along);
  if (n.inputs.size() == 1) return keep_as_it_is(w, id);
  if (how_many == 0) {
    auto rest = growth_rest::zero;
    for (auto const in : n.inputs) rest = worst(rest, rest_of(w, in));
    return set_rest(w, id, rest);
  }
  if (how_many > 1 || !along(n.inputs[0])) growth::refuse(n, "only rows of a fixed number behind those that grow fit");
  if (w.facts().growing_axes(out).size() > 1) growth::refuse(n, "more than one axis grows");
  auto rows = n.inputs[1];
  if (n.inputs.size() > 2) {
    rows = w.make("Concat", {n.inputs.begin() + 1, n.inputs.end()}, w.facts()[out].low.element,
                  {{"axis", static_cast<std::int64_t>(axis)}});
  }
  auto const at =
      w.make("Add", {w.length(), w.constant(any_tensor::scalar(*w.facts().offset(n.inputs[0], axis)))}, dtype::int64);
  replace_node(g, id,
               {.domain = "sinter",
                .op = "Append",
                .version = 1,
                .attributes = {{"axis", static_cast<std::int64_t>(axis)}},
                .inputs = {n.inputs[0], rows, at}});
  keep_as_it_is(w, id);
}

/// Operand `slot` of a product with zeros where the axis over which it sums does not count.
inline void mask_operand(growth& w, node_id id, std::size_t slot, std::size_t axis) {
  auto const made = w.masked(w.get().at(id).inputs[slot], axis, w.scalar(0));
  w.facts()[made].rest = growth_rest::zero;
  w.get().set_input(id, slot, made);
}

inline void multiply_growing(growth& w, node_id id) {
  auto& g = w.get();
  auto const a = g.at(id).inputs[0], b = g.at(id).inputs[1];
  auto const rank_a = w.facts()[a].low.shape->rank(), rank_b = w.facts()[b].low.shape->rank();
  if (rank_a < 2 || rank_b < 2) growth::refuse(g.at(id), "an operand is a vector");
  if (w.facts().grows_along(a, rank_a - 1)) {
    auto const x = rest_of(w, a), y = rest_of(w, b);
    if (y == growth_rest::anything) mask_operand(w, id, 1, rank_b - 2);
    if (x == growth_rest::anything || (x == growth_rest::finite && y == growth_rest::finite))
      mask_operand(w, id, 0, rank_a - 1);
  }
  set_rest(w, id, worst(growth_rest::finite, worst(rest_of(w, a), rest_of(w, b))));
}

/// A product with what does not grow; rows count or do not.
inline void multiply_rows(growth& w, node_id id) {
  auto const& n = w.get().at(id);
  auto const& a = w.facts()[n.inputs[0]];
  for (std::size_t i = 1; i < n.inputs.size(); ++i)
    if (n.inputs[i] && w.facts().grows(n.inputs[i])) growth::refuse(n, "its second operand grows");
  if (w.facts().grows_along(n.inputs[0], a.low.shape->rank() - 1)) growth::refuse(n, "it sums over what grows");
  set_rest(w, id, n.attributes.contains("epilogue") ? growth_rest::anything : worst(growth_rest::finite, a.rest));
}

/// The operand of an Add that is smaller than its result, if there is one and it grows along `axis`: a mask.
inline std::optional<std::size_t> mask_of(growth const& w, node const& n, value_id sum, std::size_t axis) {
  auto const rank = w.facts()[sum].low.shape->rank();
  for (std::size_t slot = 0; slot < n.inputs.size(); ++slot) {
    auto const& f = w.facts()[n.inputs[slot]];
    if (!f.grows() || f.low.element != dtype::float32) continue;
    auto const before = rank - f.low.shape->rank();
    if (axis >= before && w.facts().grows_along(n.inputs[slot], axis - before) &&
        f.low.shape->elements() < w.facts()[sum].low.shape->elements())
      return slot;
  }
  return std::nullopt;
}

/// `v` with minus infinity where an index of the axis does not count. Where a mask is added to make it, that goes into
/// the mask, which leaves softmax(scores + mask) as schedules know it.
inline value_id hidden(growth& w, value_id v, std::size_t axis) {
  auto& g = w.get();
  auto const rank = w.facts()[v].low.shape->rank(), behind = rank - 1 - axis;
  auto const offset = *w.facts().offset(v, axis);
  auto const plus_bias = [&](value_id x) { return w.make("Add", {x, w.bias(offset, behind)}, dtype::float32); };
  auto const from = g.at(v).producer;
  if (from && is(g.at(from), "Add") && g.at(v).users.size() == 1) {
    if (auto const slot = mask_of(w, g.at(from), v, axis)) {
      auto const mask = g.at(from).inputs[*slot];
      auto const other = g.at(from).inputs[1 - *slot];
      auto const inner = axis - (rank - w.facts()[mask].low.shape->rank());
      if (rest_of(w, other) != growth_rest::anything) {
        g.set_input(from, *slot, w.masked(mask, inner, w.scalar(-std::numeric_limits<float>::infinity())));
        return v;
      }
    }
  }
  if (rest_of(w, v) != growth_rest::anything) return plus_bias(v);
  return w.masked(v, axis, w.scalar(-std::numeric_limits<float>::infinity()));
}

inline void normalise_growing(growth& w, node_id id) {
  auto& g = w.get();
  auto const n = g.at(id);
  auto const in = n.inputs[0];
  auto const rank = w.facts()[in].low.shape->rank();
  if (n.version < 13) growth::refuse(n, "below version 13 it sums over several axes");
  auto const axis = normalize_axis(attribute_or<std::int64_t>(n, "axis", -1), rank);
  if (!w.facts().grows_along(in, axis)) return set_rest(w, id, growth_rest::anything);
  if (w.facts()[in].low.element != dtype::float32) growth::refuse(n, "its elements are not float32");
  g.set_input(id, 0, hidden(w, in, axis));
  set_rest(w, id, growth_rest::zero);
}

}  // namespace detail
}  // namespace sinter::passes
