#pragma once

#include <sinter/core/state_link.hpp>
#include <sinter/model_ports.hpp>
#include <sinter/passes/grow.hpp>
#include <sinter/runtime/signature.hpp>
#include <sinter/sinter.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// The state of a model, and what it does for state that grows.
namespace sinter::detail {

/// The axis along which the state of input `in` grows, if it has a dimension with a bound; lowers `most` to that,
/// unless it is 0. Errors: invalid_argument.
inline std::optional<std::size_t> growing_axis(port_info const& in, std::span<dimension_bound const> bounds,
                                               std::int64_t& most) {
  std::optional<std::size_t> found;
  for (std::size_t axis = 0; in.shape.dimensions && axis < in.shape.dimensions->size(); ++axis) {
    auto const& d = (*in.shape.dimensions)[axis];
    auto const bound = std::ranges::find(bounds, d.symbol, &dimension_bound::symbol);
    if (d.known() || d.symbol.empty() || bound == bounds.end()) continue;
    if (bound->most < 1)
      fail(error_code::invalid_argument, "bounds: '{}' is at most {}, expected 1 or more", bound->symbol, bound->most);
    if (found || in.optional)
      fail(error_code::invalid_argument, "state: the input '{}' {}, it cannot grow", in.name,
           found ? "has two dimensions with a bound" : "has a default");
    found = axis;
    most = most == 0 ? bound->most : std::min(most, bound->most);
  }
  return found;
}

/// What of a model grows.
struct model_growth {
  growing_ports ports{};
  std::int64_t most = 0;            ///< rows of state that a run may find; 0: nothing grows
  std::int64_t most_with_rows = 0;  ///< extent of inputs that grow with the state and the rows of a run; 0: no bound

  bool grows() const { return most > 0; }
  bool is_given(std::size_t input) const { return std::ranges::count(ports.inputs, input, &growing_input::input) > 0; }
  /// Gives all that grows the extent `capacity`.
  void set_capacity(signature& s, std::int64_t capacity) const {
    s.capacity = capacity;
    for (auto const& p : ports.pairs) (*s.shapes[p.input])[p.axis] = capacity;
    for (auto const& p : ports.inputs) (*s.shapes[p.input])[p.axis] = capacity;
  }
  /// The capacity of the largest program, for runs that add so many rows. Errors: invalid_argument.
  std::int64_t largest(std::int64_t added) const {
    auto const all = checked_add(most, added);
    if (most_with_rows > 0 && most_with_rows < added)
      fail(error_code::invalid_argument, "bounds: an input of at most {} has no place for the {} rows of a run",
           most_with_rows, added);
    return most_with_rows > 0 ? std::min(all, most_with_rows) : all;
  }
};

/// Notes the inputs besides state that have a dimension with a bound: that of state that grows, or another, which is
/// then that and what a run adds. Errors: invalid_argument.
inline void add_growing_inputs(model_growth& growth, std::span<port_info const> inputs,
                               std::span<dimension_bound const> bounds) {
  auto const symbol_of = [&](growing_pair const& p) { return (*inputs[p.input].shape.dimensions)[p.axis].symbol; };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (std::ranges::count(growth.ports.pairs, i, &growing_pair::input) > 0) continue;
    std::int64_t most = 0;
    auto const axis = growing_axis(inputs[i], bounds, most);
    if (!axis) continue;
    auto const& symbol = (*inputs[i].shape.dimensions)[*axis].symbol;
    bool const with_rows = std::ranges::count(growth.ports.pairs, symbol, symbol_of) == 0;
    growth.ports.inputs.push_back({i, *axis, with_rows});
    if (with_rows) growth.most_with_rows = growth.most_with_rows == 0 ? most : std::min(growth.most_with_rows, most);
  }
}

/// What grows of a model: state along the axes of `links`, to `most` rows, and other inputs with it. Errors:
/// invalid_argument.
inline model_growth growth_of(std::span<port_info const> inputs, std::span<state_link const> links,
                              std::span<dimension_bound const> bounds, std::int64_t most) {
  if (!bounds.empty() && most == 0)
    fail(error_code::invalid_argument, "bounds: '{}' is no dimension of an input of {}, and only state grows",
         bounds[0].symbol, "options::state");
  model_growth growth{.most = most};
  for (auto const& link : links)
    if (link.axis) growth.ports.pairs.push_back({link.input, link.output, *link.axis});
  if (growth.grows()) add_growing_inputs(growth, inputs, bounds);
  return growth;
}

/// The state of a model, and how it grows.
struct linked_state {
  std::vector<state_link> links{};  ///< in the order of the pairs
  model_growth growth{};
};

/// Pairs of an input and an output as state; dimensions of inputs with a bound grow. Errors: invalid_argument.
inline linked_state link_state(std::span<port_info const> inputs, std::span<port_info const> outputs,
                               std::span<state_pair const> pairs, std::span<dimension_bound const> bounds) {
  linked_state state;
  std::int64_t most = 0;
  for (auto const& [input, output] : pairs) {
    state_link l{port_index(inputs, input, "input"), port_index(outputs, output, "output")};
    auto const &from = inputs[l.input], &to = outputs[l.output];
    l.axis = growing_axis(from, bounds, most);
    auto const a = from.shape.known(), b = to.shape.known();
    if (from.type != to.type || (a && b && *a != *b))
      fail(error_code::invalid_argument, "state: input {} and output {} differ; state keeps its type and shape",
           describe(from), describe(to));
    if (size_of(from.type) == 0)
      fail(error_code::invalid_argument, "state: input {} has no plain elements", describe(from));
    for (auto const& other : state.links)
      if (other.input == l.input || other.output == l.output)
        fail(error_code::invalid_argument, "state: '{}' or '{}' stands in two pairs", input, output);
    state.links.push_back(l);
  }
  state.growth = growth_of(inputs, state.links, bounds, most);
  return state;
}

/// The graph for a signature with a capacity; its last input is the length.
inline rewritten_graph with_capacity(rewritten_graph const& prepared, signature const& s, model_growth const& growth) {
  bool const anew = !prepared.imported.inputs.empty() && replaces_default(prepared.imported, s);
  return {.g = grow(specialize(anew ? prepared.imported : prepared.g, s), growth.ports, s.added),
          .done = anew ? rewrite_totals{} : prepared.done,
          .imported = {}};
}

}  // namespace sinter::detail
