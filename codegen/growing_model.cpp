#include "growing_model.hpp"

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

}  // namespace

library_states states_of(sinter::graph const& g, std::span<sinter::state_pair const> pairs,
                         std::span<sinter::dimension_bound const> bounds) {
  library_states states;
  std::vector<sinter::port_info> inputs;
  for (auto const& p : g.inputs) inputs.push_back(describe(g, p));
  std::int64_t most = 0;
  for (auto const& [input, output] : pairs) {
    auto const from = index_of(g, g.inputs, input, "input"), to = index_of(g, g.outputs, output, "output");
    states.links.push_back({from, to, sinter::detail::growing_axis(inputs[from], bounds, most)});
  }
  states.growth = sinter::detail::growth_of(inputs, states.links, bounds, most);
  return states;
}

sinter::cpp::library_batch capacities_of(sinter::detail::model_growth const& growth,
                                         sinter::rewritten_graph const& prepared, sinter::signature& s) {
  growth.set_capacity(s, sinter::checked_add(growth.most, 1));
  s.added = sinter::rows_added(sinter::specialize(prepared.g, s), growth.ports);
  return {.kind = sinter::cpp::batch_kind::growing,
          .sizes = sinter::capacities(growth.largest(s.added), s.added),
          .added = s.added};
}

sinter::graph bind_capacity(sinter::detail::model_growth const& growth, sinter::rewritten_graph const& prepared,
                            sinter::signature s, std::int64_t capacity, sinter::optimize_options const& passes) {
  growth.set_capacity(s, capacity);
  auto const grown = sinter::detail::with_capacity(prepared, s, growth);
  s.shapes.emplace_back(sinter::shape{});
  return sinter::bind(grown, s, passes).g;
}

void mark_growing(sinter::detail::model_growth const& growth, std::int64_t added, sinter::cpp::library_ports& ports) {
  ports.inputs.back().is_length = true;
  for (auto const& in : growth.ports.inputs) {
    ports.inputs[in.input].grows_along = in.axis;
    ports.inputs[in.input].more_rows = in.with_rows ? added : 0;
  }
}

}  // namespace codegen
