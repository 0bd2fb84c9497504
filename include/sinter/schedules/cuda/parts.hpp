#pragma once

#include <sinter/ops/axes.hpp>
#include <sinter/ops/concat.hpp>
#include <sinter/program/device_copy.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/moves.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Tensors that are joined or cut along one axis: a kernel of the form `copy` for each part; none for parts along the
/// innermost axis that are written, or read, where they lie in the whole.
namespace sinter::detail::cuda {

struct tensor_parts {
  bool joins = false;
  std::size_t axis = 0;
  std::vector<std::int64_t> first{};  ///< where each part begins
};

/// The part that a Slice cuts out along one axis.
inline std::optional<tensor_parts> sliced_part(scheduled_node const& n) {
  auto const move = strided_move_of(n);
  auto const& s = n.inputs[0].shape();
  auto const strides = row_major_strides(sizes_of(s));
  if (!move || move->copy.from != strides) return std::nullopt;
  tensor_parts p{.first = {0}};
  int cut = 0;
  for (std::size_t axis = 0; axis < s.rank(); ++axis)
    if (move->copy.sizes[axis] != s[axis]) p.axis = axis, ++cut;
  p.first[0] = move->offset / element_bytes(n.inputs[0]) / strides[p.axis];
  return cut == 1 ? std::optional(std::move(p)) : std::nullopt;
}

inline std::optional<tensor_parts> parts_of(scheduled_node const& n) {
  if (is_standard_operator(*n.n, "Slice")) return sliced_part(n);
  tensor_parts p{.joins = is_standard_operator(*n.n, "Concat")};
  if (!p.joins && !is_standard_operator(*n.n, "Split")) return std::nullopt;
  auto const axis =
      p.joins ? n.op.attributes_as<concat::attributes>().axis : n.op.attributes_as<split::attributes>().axis;
  p.axis = normalize_axis(axis, n.inputs[0].shape().rank());
  std::int64_t at = 0;
  for (auto const& part : p.joins ? n.inputs : n.outputs) {
    p.first.push_back(at);
    at += part.shape()[p.axis];
  }
  return p;
}

/// Copies all of `part`, along `axis` a part of `whole` that begins at `at`; `joins` tells in which direction.
inline void add_part(fragment& f, operand_info const& part, address part_at, operand_info const& whole,
                     address whole_at, std::size_t axis, std::int64_t at, bool joins) {
  auto const axes = axes_in_memory(part.shape().rank(), joins ? whole.how : part.how);
  auto const small = in_order(strides_of(part), axes);
  auto const strides = strides_of(whole);
  auto const large = in_order(strides, axes);
  whole_at.offset = at * strides[axis] * element_bytes(whole);
  device_copy c{.sizes = in_order(sizes_of(part.shape()), axes),
                .from = joins ? small : large,
                .to = joins ? large : small,
                .bytes = element_bytes(part),
                .alignment = std::min({alignment_at(whole_at.offset), part.alignment, whole.alignment})};
  joins ? f.add(copy_call(std::move(c)), {part_at, whole_at}) : f.add(copy_call(std::move(c)), {whole_at, part_at});
}

inline fragment build_parts(scheduled_node const& n) {
  auto const p = *parts_of(n);
  fragment f;
  for (std::size_t i = 0; i < p.first.size(); ++i) {
    auto const& part = p.joins ? n.inputs[i] : n.outputs[i];
    bool const used = p.joins || n.n->outputs[i];
    if (!used || part.placed || part.shape().elements() == 0) continue;
    if (p.joins)
      add_part(f, part, input_of(n, i), n.outputs[0], output_of(), p.axis, p.first[i], true);
    else
      add_part(f, part, output_of(i), n.inputs[0], input_of(n, 0), p.axis, p.first[i], false);
  }
  return f;
}

/// Channels last where all tensors that are joined or cut have it, in 16 bits where one has them.
inline layout_choice parts_layouts(scheduled_node const& n, tensor_parts const& p) {
  auto const wholes = n.inputs.begin() + static_cast<std::ptrdiff_t>(p.joins ? n.inputs.size() : 1);
  bool const channels_last = std::all_of(n.inputs.begin(), wholes,
                                         [](operand_info const& in) { return device_layout(in).is_channels_last(); });
  auto how = channels_last ? layout::channels_last : layout::row_major;
  std::for_each(n.inputs.begin(), wholes, [&](operand_info const& in) {
    if (auto const stored = device_layout(in).stored; stored != dtype::undefined) how.stored = stored;
  });
  layout_choice choice{.inputs = std::vector(n.inputs.size(), layout::row_major),
                       .outputs = std::vector(n.outputs.size(), how),
                       .slices = true};
  std::fill(choice.inputs.begin(), choice.inputs.begin() + (wholes - n.inputs.begin()), how);
  if (axes_in_memory(n.inputs[0].shape().rank(), how).back() != p.axis) return choice;
  auto& places = p.joins ? choice.input_places : choice.output_places;
  auto const bytes = static_cast<std::int64_t>(size_of(how.element(n.inputs[0].type.element)));
  for (auto const first : p.first) places.push_back(first * bytes);
  return choice;
}

inline std::vector<candidate> parts_offer(scheduled_node const& n, target const&) {
  if (!is_movable(n)) return {};
  auto const p = parts_of(n);
  if (!p) return {};
  return {{.layouts = parts_layouts(n, *p), .cost = traffic_cost(n), .build = build_parts}};
}

inline constexpr schedule parts_schedule{.name = "cuda parts", .offer = parts_offer};

}  // namespace sinter::detail::cuda
