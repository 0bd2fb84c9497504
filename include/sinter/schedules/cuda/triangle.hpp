#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/ops/trilu.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/numbers.hpp>
#include <sinter/schedules/cuda/resize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

/// Trilu with a known diagonal: a kernel of the form `pointwise` that compares the numbers of rows and columns.
namespace sinter::detail::cuda {

/// The diagonal, no further outside than each matrix goes.
inline std::optional<std::int64_t> diagonal_of(scheduled_node const& n) {
  if (!has_input(n, 1)) return 0;
  if (!n.inputs[1].constant) return std::nullopt;
  auto const& s = n.inputs[0].shape();
  return std::clamp<std::int64_t>(n.inputs[1].constant->as<std::int64_t>()[0], -s[s.rank() - 2], s.back());
}

inline packing counted_numbers(std::int64_t first, std::int64_t count) {
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), static_cast<std::int32_t>(first));
  return pack_numbers(numbers);
}

inline fragment build_triangle(scheduled_node const& n) {
  auto const& s = n.inputs[0].shape();
  auto const rows = s.rank() - 2, columns = s.rank() - 1;
  auto const x = expr::input(0), row = expr::input(1), column = expr::input(2);
  auto const inside = n.op.attributes_as<trilu::attributes>().upper ? column >= row : column <= row;
  auto const t = n.inputs[0].type.element;
  auto const along = [&](std::size_t axis) {
    device_sizes strides(s.rank(), 0);
    strides[axis] = 1;
    return device_argument{dtype::int32, false, 0, std::move(strides)};
  };
  auto const dense = row_major_strides(sizes_of(s));
  device_epilogue each{.function = expr::flatten(select(inside, x, 0.0f), 3),
                       .arguments = {{n.inputs[0].element(), false, 0, dense},
                                     along(rows),
                                     along(columns),
                                     {n.outputs[0].element(), true, 0, dense}},
                       .alignment = alignment_of(n),
                       .computes = !is_wide(t)          ? dtype::float32
                                   : t == dtype::uint64 ? t
                                                        : dtype::int64};
  fragment f;
  auto const row_numbers = f.weight(counted_numbers(*diagonal_of(n), s[rows]));
  auto const column_numbers = f.weight(counted_numbers(0, s[columns]));
  f.add(pointwise_call(sizes_of(s), std::move(each)), {input_of(n, 0), row_numbers, column_numbers, output_of()});
  return f;
}

inline std::vector<candidate> triangle_offer(scheduled_node const& n, target const&) {
  if (!is_standard_operator(*n.n, "Trilu") || !n.inputs[0].type.shape || !diagonal_of(n)) return {};
  auto const t = n.inputs[0].type.element;
  if (!is_narrow(t) && !is_wide(t) && !is_float_of_device(t)) return {};
  auto const& s = n.inputs[0].shape();
  constexpr std::int64_t most = std::int64_t{1} << 24;  // numbers that float32 has, too
  if (s.elements() == 0 || s.back() > most || s[s.rank() - 2] > most) return {};
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}};
  layouts.inputs[0] = row_major_of(n.inputs[0]);
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = build_triangle}};
}

inline constexpr schedule triangle_schedule{.name = "cuda triangle", .offer = triangle_offer};

}  // namespace sinter::detail::cuda
