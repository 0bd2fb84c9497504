#pragma once

#include <sinter/passes/grow.hpp>
#include <sinter/runtime/kept_state.hpp>
#include <sinter/runtime/signature.hpp>
#include <sinter/sinter.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// What a model does for state that grows.
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

/// An error where bounds are given, but no state that grows to `most` rows.
inline void expect_growth(std::span<dimension_bound const> bounds, std::int64_t most) {
  if (!bounds.empty() && most == 0)
    fail(error_code::invalid_argument, "bounds: '{}' is no dimension of an input of {}, and only state grows",
         bounds[0].symbol, "options::state");
}

inline std::vector<growing_pair> growing_pairs(std::span<state_link const> links) {
  std::vector<growing_pair> pairs;
  for (auto const& link : links)
    if (link.axis) pairs.push_back({link.input, link.output, *link.axis});
  return pairs;
}

/// The graph for a signature with a capacity; its last input is the length.
inline rewritten_graph with_capacity(rewritten_graph const& prepared, signature const& s,
                                     std::span<state_link const> links) {
  bool const anew = !prepared.imported.inputs.empty() && replaces_default(prepared.imported, s);
  return {.g = grow(specialize(anew ? prepared.imported : prepared.g, s), growing_pairs(links)),
          .done = anew ? rewrite_totals{} : prepared.done,
          .imported = {}};
}

}  // namespace sinter::detail
