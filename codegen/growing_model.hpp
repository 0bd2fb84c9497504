#pragma once

#include <sinter/compile.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/model_growth.hpp>
#include <sinter/runtime/kept_state.hpp>
#include <sinter/runtime/signature.hpp>
#include <sinter/sinter.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace codegen {

/// The state of a class, and how it grows.
struct library_states {
  std::vector<sinter::state_link> links{};  ///< in the order of the pairs
  sinter::detail::model_growth growth{};
};

/// Pairs of an input and an output of `g` as state; dimensions of inputs with a bound grow. Errors: invalid_argument.
library_states states_of(sinter::graph const& g, std::span<sinter::state_pair const> pairs,
                         std::span<sinter::dimension_bound const> bounds);

/// The capacities that a class has programs for, and what a run adds, which it notes in `s`, where any extents stand
/// for those that grow. Errors: unsupported_feature.
sinter::cpp::library_batch capacities_of(sinter::detail::model_growth const& growth,
                                         sinter::rewritten_graph const& prepared, sinter::signature& s);

/// The graph for one capacity, types inferred and passes run; its last input is the length.
sinter::graph bind_capacity(sinter::detail::model_growth const& growth, sinter::rewritten_graph const& prepared,
                            sinter::signature s, std::int64_t capacity, sinter::optimize_options const& passes);

/// Notes in the ports of such a graph which ones grow.
void mark_growing(sinter::detail::model_growth const& growth, std::int64_t added, sinter::cpp::library_ports& ports);

}  // namespace codegen
