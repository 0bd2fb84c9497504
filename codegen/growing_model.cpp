#include "growing_model.hpp"

#include <sinter/passes/grow.hpp>
#include <sinter/runtime/growing_state.hpp>

#include <utility>

namespace codegen {

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
