#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/program/program.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace sinter {

/// A copy as runs of neighbouring bytes.
struct copy_runs {
  std::int64_t count = 1, bytes = 0;            ///< runs, and bytes of each
  std::int64_t from_stride = 0, to_stride = 0;  ///< from one run to the next
  std::int64_t from_step = 0, to_step = 0;      ///< from one position to the next
  std::int64_t last = 0;                        ///< position, from which positions are counted where they go backwards
  bool backwards = false;

  std::int64_t position(std::int64_t turn) const { return backwards ? last - turn : turn; }
};

inline copy_runs runs_of(tensor_copy const& c) {
  auto const element = static_cast<std::int64_t>(size_of(c.from.type.element));
  auto const &from = *c.from.type.shape, &to = *c.to.type.shape;
  if (c.turn.type.element == dtype::undefined) return {.bytes = static_cast<std::int64_t>(from.elements()) * element};
  bool const cuts = from.rank() > to.rank();
  auto const& whole = cuts ? from : to;
  copy_runs r{.bytes = element, .last = whole[c.axis] - 1, .backwards = c.backwards};
  for (std::size_t i = 0; i < whole.rank(); ++i)
    if (i != c.axis) (i < c.axis ? r.count : r.bytes) *= whole[i];
  r.from_stride = r.to_stride = r.bytes;
  (cuts ? r.from_stride : r.to_stride) *= whole[c.axis];
  (cuts ? r.from_step : r.to_step) = r.bytes;
  return r;
}

}  // namespace sinter
