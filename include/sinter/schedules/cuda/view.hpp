#pragma once

#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/view.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace sinter::detail::cuda {

/// Whether a channels-last tensor holds its elements in row-major order: one pixel, or one channel.
inline bool channels_last_is_row_major(shape const& s) {
  return s.rank() < 3 || s[1] == 1 || s.elements(2, s.rank()) == 1;
}

/// Operators that only change the shape, where the bytes are.
inline std::vector<candidate> view_offer(scheduled_node const& n, target const&) {
  if (!only_reshapes(*n.n)) return {};
  auto const& in = n.inputs[0];
  auto const rows = row_major_of(in);
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {rows}, .view = 0};
  layouts.inputs[0] = rows;
  if (in.how == layout::host) layouts.inputs[0] = layouts.outputs[0] = layout::host;
  if (in.how.is_channels_last() && channels_last_is_row_major(in.shape())) layouts.inputs[0] = in.how;
  return {{.layouts = std::move(layouts)}};
}

inline constexpr schedule view_schedule{.name = "cuda view", .offer = view_offer};

}  // namespace sinter::detail::cuda
