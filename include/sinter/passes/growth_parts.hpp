#pragma once

#include <sinter/ops/slice.hpp>
#include <sinter/passes/growth_rules.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// Rules of operators that take parts of tensors: Slice and Gather.
namespace sinter::passes::detail {

/// What a Slice does along an axis, at two lengths.
struct sliced_axis {
  slice::range low{}, high{};
  bool grows() const { return low.count != high.count; }
  bool moves() const { return low.start != high.start; }
};

/// The integers of operand `slot` at both lengths.
inline std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> integers_at(growth const& w, node const& n,
                                                                                   std::size_t slot) {
  if (slot >= n.inputs.size() || !n.inputs[slot]) return {};
  auto const& f = w.facts()[n.inputs[slot]];
  if (!f.known()) growth::refuse(n, "its bounds are unknown");
  return {integers_of(f.low_value.view()), integers_of(f.high_value.view())};
}

inline std::vector<sliced_axis> slices_of(growth const& w, node const& n) {
  if (n.version < 10) growth::refuse(n, "below version 10 its bounds are attributes");
  auto const starts = integers_at(w, n, 1), ends = integers_at(w, n, 2), axes = integers_at(w, n, 3),
             steps = integers_at(w, n, 4);
  auto const& data = w.facts()[n.inputs[0]];
  auto const low = slice::resolve(*data.low.shape, starts.first, ends.first, axes.first, steps.first);
  auto const high = slice::resolve(*data.high.shape, starts.second, ends.second, axes.second, steps.second);
  std::vector<sliced_axis> all;
  for (std::size_t axis = 0; axis < low.size(); ++axis) all.push_back({low[axis], high[axis]});
  return all;
}

/// `count` elements of an axis from one on that depends on the length: a Gather.
inline value_id part_from(growth& w, node const& n, value_id data, std::size_t axis, sliced_axis const& s) {
  auto const slope = (s.high.start - s.low.start) / w.facts().lengths_apart();
  auto const first = s.low.start - slope * growth_facts::low_length;
  if (first < 0 || s.low.step != 1 || s.high.step != 1) growth::refuse(n, "where a part begins is below 0 at first");
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < s.low.count; ++i) indices.push_back(first + i);
  auto const moved = w.make("Mul", {w.length(), w.constant(any_tensor::scalar(slope))}, dtype::int64);
  auto const at = w.make("Add", {moved, w.constant(indices)}, dtype::int64);
  return w.make("Gather", {data, at}, w.facts()[n.inputs[0]].low.element, {{"axis", static_cast<std::int64_t>(axis)}});
}

/// An axis that grows, before or behind the Slice, stays or becomes as long as the capacity; parts of fixed length that
/// begin at a number which depends on the length are gathered.
inline void slice_growing(growth& w, node_id id) {
  auto& g = w.get();
  auto const n = g.at(id);
  auto const room = w.room(n.inputs[0]);
  auto data = n.inputs[0];
  std::vector<std::int64_t> starts, ends, axes, steps;
  bool shorter = false;
  auto const all = slices_of(w, n);
  for (std::size_t axis = 0; axis < all.size(); ++axis) {
    auto const& s = all[axis];
    bool const grew = w.facts().grows_along(n.inputs[0], axis);
    if (s.grows()) {
      bool const begins = s.low.start == 0 && s.high.start == 0 && s.low.step == 1 && s.high.step == 1;
      if (!begins || room[axis] < w.capacity()) growth::refuse(n, "only the first elements of an axis may grow");
      shorter = shorter || (grew && w.facts().offset(n.inputs[0], axis) != w.facts().offset(n.outputs[0], axis));
      starts.push_back(0), ends.push_back(w.capacity());
    } else if (grew || s.moves()) {
      if (grew && !s.moves()) growth::refuse(n, "a fixed part of an axis that grows may not be there at first");
      data = part_from(w, n, data, axis, s);
      continue;
    } else {
      starts.push_back(s.low.start), ends.push_back(s.low.start + s.low.step * s.low.count);
    }
    axes.push_back(static_cast<std::int64_t>(axis)), steps.push_back(s.low.step);
    if (steps.back() < 0 && ends.back() < 0) ends.back() = INT64_MIN;
  }
  auto const rest = rest_of(w, n.inputs[0]);
  replace_node(g, id,
               {.op = "Slice",
                .version = 13,
                .inputs = {data, w.constant(starts), w.constant(ends), w.constant(axes), w.constant(steps)}});
  set_rest(w, id, shorter ? worst(growth_rest::finite, rest) : rest);
}

/// Indices of which those that count are as they were, and the others 0; negative ones, where the axis `axis` of `data`
/// grows, count from where it ends.
inline value_id indices_of_growing(growth& w, node const& n, value_id data, std::size_t axis) {
  auto indices = n.inputs[1];
  auto const kept = w.facts()[indices];
  auto const type = kept.low.element;
  if (w.facts().grows_along(data, axis) && !kept.known()) {
    auto end = w.make("Add", {w.length(), w.constant(any_tensor::scalar(*w.facts().offset(data, axis)))}, dtype::int64);
    if (type != dtype::int64) end = w.make("Cast", {end}, type, {{"to", static_cast<std::int64_t>(type)}});
    auto const below = w.make("Less", {indices, w.constant(any_tensor(type, shape{}))}, dtype::boolean);
    indices = w.make("Where", {below, w.make("Add", {indices, end}, type), indices}, type);
    w.facts()[indices] = kept;
  }
  for (auto const grown : w.facts().growing_axes(indices))
    indices = w.masked(indices, grown, w.constant(any_tensor(type, shape{})));
  return indices;
}

inline void gather_growing(growth& w, node_id id) {
  auto& g = w.get();
  auto const n = g.at(id);
  auto const data = n.inputs[0], indices = n.inputs[1];
  auto const axis = normalize_axis(attribute_or<std::int64_t>(n, "axis", 0), w.facts()[data].low.shape->rank());
  auto const rest = w.facts().grows(indices) ? growth_rest::anything : rest_of(w, data);
  if (!w.facts()[indices].known() || w.facts().grows(indices)) {
    g.set_input(id, 1, indices_of_growing(w, n, data, axis));
  } else if (w.facts().grows_along(data, axis)) {
    auto const [low, high] = integers_at(w, n, 1);
    auto const negative = [](std::int64_t i) { return i < 0; };
    if (std::ranges::any_of(low, negative) || std::ranges::any_of(high, negative)) {
      if (low != high || !std::ranges::all_of(low, negative)) growth::refuse(n, "some of its indices are negative");
      auto from_front = low;
      for (auto& i : from_front) i += *w.facts().offset(data, axis);
      auto const at =
          w.constant(any_tensor::of<std::int64_t>(*w.facts()[indices].low.shape, std::span(std::as_const(from_front))));
      g.set_input(id, 1, w.make("Add", {w.length(), at}, dtype::int64));
    }
  }
  set_rest(w, id, rest);
}

/// Where the axes of `data` end that tuples of `count` indices name.
inline value_id ends_of_axes(growth& w, value_id data, std::size_t count) {
  std::vector<std::int64_t> fixed(count), grown(count);
  for (std::size_t axis = 0; axis < count; ++axis) {
    grown[axis] = w.facts().grows_along(data, axis) ? 1 : 0;
    fixed[axis] = grown[axis] ? *w.facts().offset(data, axis) : (*w.facts()[data].low.shape)[axis];
  }
  return w.make("Add", {w.make("Mul", {w.length(), w.constant(grown)}, dtype::int64), w.constant(fixed)}, dtype::int64);
}

/// Tuples of indices that do not count are 0, and negative indices count from where an axis ends.
inline void gather_nd_growing(growth& w, node_id id) {
  auto const n = w.get().at(id);
  auto const data = n.inputs[0];
  auto indices = n.inputs[1];
  auto const kept = w.facts()[indices];
  auto const rank = kept.low.shape->rank();
  if (attribute_or<std::int64_t>(n, "batch_dims", 0) != 0) growth::refuse(n, "it has batch_dims");
  if (w.facts().grows_along(indices, rank - 1)) growth::refuse(n, "tuples of indices grow");
  if (w.facts().grows(data)) {
    auto const ends = ends_of_axes(w, data, static_cast<std::size_t>((*kept.low.shape)[rank - 1]));
    auto const below = w.make("Less", {indices, w.constant(any_tensor(dtype::int64, shape{}))}, dtype::boolean);
    indices = w.make("Where", {below, w.make("Add", {indices, ends}, dtype::int64), indices}, dtype::int64);
    w.facts()[indices] = kept;
  }
  for (auto const grown : w.facts().growing_axes(indices))
    indices = w.masked(indices, grown, w.constant(any_tensor(dtype::int64, shape{})));
  w.get().set_input(id, 1, indices);
  set_rest(w, id, kept.grows() ? growth_rest::anything : rest_of(w, data));
}

/// Sums of those before are right where these count.
inline void accumulate_growing(growth& w, node_id id) {
  auto const& n = w.get().at(id);
  if (attribute_or<std::int64_t>(n, "reverse", 0) != 0) growth::refuse(n, "it sums from the end");
  if (!w.facts()[n.inputs[1]].known()) growth::refuse(n, "its axis is unknown");
  set_rest(w, id, growth_rest::anything);
}

/// A sum, with zeros where an axis over which it sums does not count.
inline void sum_growing(growth& w, node_id id) {
  auto& g = w.get();
  auto const in = g.at(id).inputs[0], out = g.at(id).outputs[0];
  auto const before = w.facts().growing_axes(in), after = w.facts().growing_axes(out);
  if (before.size() != 1) growth::refuse(g.at(id), "more than one axis grows");
  if (!after.empty()) return set_rest(w, id, growth_rest::anything);
  if (rest_of(w, in) != growth_rest::zero)
    g.set_input(id, 0, w.masked(in, before[0], w.constant(any_tensor(w.facts()[in].low.element, shape{}))));
}

}  // namespace sinter::passes::detail
