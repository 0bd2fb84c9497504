#pragma once

#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

/// Operators that only change the shape: the output is the bytes of the input.
namespace sinter {
namespace detail {

inline bool only_reshapes(node const& n) {
  constexpr std::array<std::string_view, 5> names{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"};
  return n.domain.empty() && std::ranges::find(names, n.op) != names.end();
}

/// Whether a blocked tensor holds its elements in row-major order without holes between them: [N,C,1,…] with whole
/// blocks, or a single item.
inline bool blocked_is_dense(shape const& s) {
  return std::all_of(s.begin() + 2, s.end(), [](auto extent) { return extent == 1; }) &&
         (s[0] == 1 || s[1] % channel_block == 0);
}

inline std::vector<candidate> view_offer(scheduled_node const& n, target const&) {
  if (!only_reshapes(*n.n)) return {};
  auto const& in = n.inputs[0];
  layout_choice layouts{
      .inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}, .view = 0};
  if (in.how == layout::blocked && blocked_is_dense(in.shape())) layouts.inputs[0] = layout::blocked;
  return {{.layouts = std::move(layouts)}};
}

}  // namespace detail

inline constexpr schedule view_schedule{.name = "view", .offer = detail::view_offer};

}  // namespace sinter
