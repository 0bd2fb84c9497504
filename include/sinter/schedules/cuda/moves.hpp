#pragma once

#include <sinter/ops/axes.hpp>
#include <sinter/ops/concat.hpp>
#include <sinter/program/device_copy.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/kernel_call.hpp>
#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// Operators that move elements of any type but strings: kernels of the form `copy`, one for each tensor that is joined
/// or cut.
namespace sinter::detail::cuda {

inline std::int64_t element_bytes(operand_info const& o) { return static_cast<std::int64_t>(size_of(o.type.element)); }
/// The largest power of two up to 16 that divides an offset: what alignment an address has.
inline std::int64_t alignment_at(std::int64_t offset) { return offset % 16 == 0 ? 16 : offset & -offset; }

/// Transpose, Slice, Expand, Tile, DepthToSpace and others that say by strides where their elements come from.
inline fragment build_strided_move(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  auto const rank = (call.integers.size() - 1) / 2;
  auto const numbers = [&](std::size_t first) {
    auto const begin = call.integers.begin() + static_cast<std::ptrdiff_t>(first);
    return device_sizes(begin, begin + static_cast<std::ptrdiff_t>(rank));
  };
  device_copy c{.sizes = numbers(1), .from = numbers(1 + rank), .bytes = element_bytes(n.outputs[0])};
  c.to = row_major_strides(c.sizes);
  auto from = input_of(n, 0);
  from.offset = call.integers[0] * c.bytes;
  c.alignment = alignment_at(from.offset);
  if (rank == 0) c.sizes = c.from = c.to = {1};
  fragment f;
  f.add(copy_call(std::move(c)), {from, output_of()});
  return f;
}

/// Whether a node is a move by strides, none of them negative.
inline bool is_strided_move(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  if (call.kernel.name != "move") return false;
  return std::ranges::all_of(call.integers, [](std::int64_t number) { return number >= 0; });
}

/// Copies all of `part`, along `axis` a part of `whole` that begins at `at`; `joins` tells in which direction.
inline void add_part(fragment& f, operand_info const& part, address part_at, operand_info const& whole,
                     address whole_at, std::size_t axis, std::int64_t at, bool joins) {
  auto const axes = axes_in_memory(part.shape().rank(), joins ? whole.how : part.how);
  auto const small = in_order(strides_of(part.shape(), part.how), axes);
  auto const strides = strides_of(whole.shape(), whole.how);
  auto const large = in_order(strides, axes);
  whole_at.offset = at * strides[axis] * element_bytes(whole);
  device_copy c{.sizes = in_order(sizes_of(part.shape()), axes),
                .from = joins ? small : large,
                .to = joins ? large : small,
                .bytes = element_bytes(part),
                .alignment = alignment_at(whole_at.offset)};
  joins ? f.add(copy_call(std::move(c)), {part_at, whole_at}) : f.add(copy_call(std::move(c)), {whole_at, part_at});
}

inline fragment build_concat(scheduled_node const& n) {
  auto const axis = normalize_axis(n.op.attributes_as<concat::attributes>().axis, n.outputs[0].shape().rank());
  fragment f;
  std::int64_t at = 0;
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    auto const& part = n.inputs[i];
    if (part.shape().elements() > 0) add_part(f, part, input_of(n, i), n.outputs[0], output_of(), axis, at, true);
    at += part.shape()[axis];
  }
  return f;
}

inline fragment build_split(scheduled_node const& n) {
  auto const axis = normalize_axis(n.op.attributes_as<split::attributes>().axis, n.inputs[0].shape().rank());
  fragment f;
  std::int64_t at = 0;
  for (std::size_t i = 0; i < n.outputs.size(); ++i) {
    auto const& part = n.outputs[i];
    bool const used = part.present() && n.n->outputs[i];
    if (used && part.shape().elements() > 0)
      add_part(f, part, output_of(i), n.inputs[0], input_of(n, 0), axis, at, false);
    at += part.shape()[axis];
  }
  return f;
}

/// Channels last where all tensors that are joined or cut have it.
inline layout_choice parts_layouts(scheduled_node const& n, bool joins) {
  auto const parts = joins ? n.inputs.size() : 1;
  auto const last = [](operand_info const& in) { return device_layout(in) == layout::channels_last; };
  bool const channels_last = std::all_of(n.inputs.begin(), n.inputs.begin() + static_cast<std::ptrdiff_t>(parts), last);
  auto const how = channels_last ? layout::channels_last : layout::row_major;
  layout_choice choice{.inputs = std::vector(n.inputs.size(), layout::row_major),
                       .outputs = std::vector(n.outputs.size(), how)};
  std::fill_n(choice.inputs.begin(), parts, how);
  return choice;
}

inline std::vector<candidate> moves_offer(scheduled_node const& n, target const&) {
  auto const movable = [](operand_info const& o) {
    return !o.present() || (o.type.shape && o.type.element != dtype::string);
  };
  if (!std::ranges::all_of(n.inputs, movable) || !std::ranges::all_of(n.outputs, movable)) return {};
  if (n.outputs[0].type.shape && n.outputs[0].shape().elements() == 0) return {};
  auto const offer = [&](layout_choice layouts, auto build) {
    return std::vector<candidate>{{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = build}};
  };
  if (is_standard_operator(*n.n, "Concat")) return offer(parts_layouts(n, true), build_concat);
  if (is_standard_operator(*n.n, "Split")) return offer(parts_layouts(n, false), build_split);
  if (!is_strided_move(n)) return {};
  return offer({.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}},
               build_strided_move);
}

inline constexpr schedule moves_schedule{.name = "cuda copy", .offer = moves_offer};

}  // namespace sinter::detail::cuda
