#pragma once

#include <sinter/compile.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/model_growth.hpp>
#include <sinter/runtime/signature.hpp>
#include <sinter/sinter.hpp>

#include <cstdint>

namespace codegen {

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
