#include "growing_model.hpp"

#include <sinter/model_growth.hpp>
#include <sinter/passes/grow.hpp>
#include <sinter/runtime/growing_state.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace codegen {

using sinter::error_code;
using sinter::fail;

namespace {

sinter::port_info describe(sinter::graph const& g, sinter::port const& p) {
  auto const& v = g.at(p.value);
  return {v.name, v.type.element, {p.declared}, v.is_constant()};
}

std::size_t index_of(sinter::graph const& g, std::vector<sinter::port> const& ports, std::string_view name,
                     std::string_view what) {
  std::vector<sinter::cpp::library_port> known;
  for (auto const& p : ports) known.push_back({.name = g.at(p.value).name});
  return sinter::cpp::detail::port_index(known, name, what);
}

void set_capacity(library_states const& states, sinter::signature& s, std::int64_t capacity) {
  s.capacity = capacity;
  for (auto const& link : states.links)
    if (link.axis) (*s.shapes[link.input])[*link.axis] = capacity;
}

}  // namespace

library_states states_of(sinter::graph const& g, std::span<sinter::state_pair const> pairs,
                         std::span<sinter::dimension_bound const> bounds) {
  library_states states;
  for (auto const& [input, output] : pairs) {
    auto const from = index_of(g, g.inputs, input, "input"), to = index_of(g, g.outputs, output, "output");
    auto const axis = sinter::detail::growing_axis(describe(g, g.inputs[from]), bounds, states.most);
    states.links.push_back({from, to, axis});
  }
  sinter::detail::expect_growth(bounds, states.most);
  return states;
}

sinter::cpp::library_batch capacities_of(library_states const& states, sinter::rewritten_graph const& prepared,
                                         sinter::signature const& s) {
  auto one = s;
  set_capacity(states, one, sinter::checked_add(states.most, 1));
  auto const added =
      sinter::rows_added(sinter::specialize(prepared.g, one), sinter::detail::growing_pairs(states.links));
  return {.kind = sinter::cpp::batch_kind::growing,
          .sizes = sinter::capacities(sinter::checked_add(states.most, added), added),
          .added = added};
}

sinter::graph bind_capacity(library_states const& states, sinter::rewritten_graph const& prepared, sinter::signature s,
                            std::int64_t capacity, sinter::optimize_options const& passes) {
  set_capacity(states, s, capacity);
  auto const grown = sinter::detail::with_capacity(prepared, s, states.links);
  s.shapes.emplace_back(sinter::shape{});
  return sinter::bind(grown, s, passes).g;
}

}  // namespace codegen
