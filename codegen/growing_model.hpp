#pragma once

#include <sinter/compile.hpp>
#include <sinter/emit/cpp/library.hpp>
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
  std::int64_t most = 0;                    ///< rows of what grows that a run may find; 0: nothing grows

  bool grow() const { return most > 0; }
};

/// Pairs of an input and an output of `g` as state; dimensions of inputs with a bound grow. Errors: invalid_argument.
library_states states_of(sinter::graph const& g, std::span<sinter::state_pair const> pairs,
                         std::span<sinter::dimension_bound const> bounds);

/// The capacities that a class has programs for, and what a run adds; `s` has any extents where state grows. Errors:
/// unsupported_feature.
sinter::cpp::library_batch capacities_of(library_states const& states, sinter::rewritten_graph const& prepared,
                                         sinter::signature const& s);

/// The graph for one capacity, types inferred and passes run; its last input is the length.
sinter::graph bind_capacity(library_states const& states, sinter::rewritten_graph const& prepared, sinter::signature s,
                            std::int64_t capacity, sinter::optimize_options const& passes);

}  // namespace codegen
