#pragma once

#include <sinter/ops/axes.hpp>
#include <sinter/ops/concat.hpp>
#include <sinter/ops/slice.hpp>
#include <sinter/schedules/channel_moves.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/moves.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Concat, Split and Slice of one axis with step 1, float32 or 8-bit integers.
///
/// Of channels of blocked tensors: the loop nest of channel_moves.hpp. Row-major, of any axis:
///
///     for item of axis 0, run of outer indices, piece of the contiguous run of one part:  (grid; a grid for each part)
///       for outer index: copy
namespace sinter {

namespace detail {

/// `length` elements of axis `axis` of input `input` from `from` on, which become those of output `output` from `to`
/// on.
struct copied_part {
  std::uint32_t input = 0, output = 0;
  std::int64_t from = 0, to = 0, length = 0;
};

struct copied_parts {
  std::size_t axis = 0;
  std::size_t data_inputs = 1;  ///< the first inputs are tensors, the others parameters
  std::vector<copied_part> parts{};
};

/// The one axis that a slice cuts, with its range; none where it cuts several, or takes steps.
inline std::optional<copied_parts> slice_parts(scheduled_node const& n) {
  auto const& a = n.op.attributes_as<slice::attributes>();
  std::vector<tensor_view> views;
  for (auto const& in : n.inputs) views.push_back(in.constant ? in.constant->view() : tensor_view{});
  for (std::size_t i = 1; i < n.inputs.size(); ++i)
    if (n.inputs[i].present() && !n.inputs[i].constant) return std::nullopt;
  auto const list = [&](integers_source const& source, std::size_t i) {
    return source.read(input_views(views), i).value_or(std::vector<std::int64_t>());
  };
  auto const& s = n.inputs[0].shape();
  auto const ranges = slice::resolve(s, list(a.starts, 1), list(a.ends, 2), list(a.axes, 3), list({}, 4));
  copied_parts result;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (ranges[i].count == s[i] && ranges[i].step == 1) continue;
    if (!result.parts.empty() || ranges[i].step != 1) return std::nullopt;
    result.axis = i;
    result.parts.push_back({.from = ranges[i].start, .length = ranges[i].count});
  }
  if (result.parts.empty()) result.parts.push_back({.length = s[0]});
  return result;
}

inline std::optional<copied_parts> parts_of(scheduled_node const& n) {
  bool const joins = is_standard_operator(*n.n, "Concat"), splits = is_standard_operator(*n.n, "Split");
  if ((!joins && !splits && !is_standard_operator(*n.n, "Slice")) || n.inputs.empty()) return std::nullopt;
  auto const data_inputs = joins ? n.inputs.size() : 1;
  for (std::size_t i = 0; i < data_inputs; ++i)
    if (!is_movable_tensor(n.inputs[i]) || (n.inputs[i].constant && !joins) || n.inputs[i].shape().empty())
      return std::nullopt;
  if (!joins && !splits) return slice_parts(n);
  auto const rank = n.inputs[0].shape().rank();
  auto const axis =
      joins ? n.op.attributes_as<concat::attributes>().axis : n.op.attributes_as<split::attributes>().axis;
  copied_parts result{.axis = normalize_axis(axis, rank), .data_inputs = data_inputs};
  std::int64_t at = 0;
  for (std::size_t i = 0; i < (joins ? n.inputs.size() : n.outputs.size()); ++i) {
    auto const& o = joins ? n.inputs[i] : n.outputs[i];
    if (!o.type.shape) return std::nullopt;
    auto const which = static_cast<std::uint32_t>(i);
    auto const length = o.shape()[result.axis];
    bool const used = joins || (i < n.n->outputs.size() && n.n->outputs[i]);
    if (used && is_movable_tensor(o))
      result.parts.push_back(joins ? copied_part{.input = which, .to = at, .length = length}
                                   : copied_part{.output = which, .from = at, .length = length});
    at += length;
  }
  return result;
}

/// Where the parts of a Concat may lie in its output: blocked ones that own whole blocks, row-major ones that are not
/// interleaved with others.
inline std::vector<std::int64_t> places_of_parts(scheduled_node const& n, copied_parts const& c, bool blocked) {
  auto const& s = n.outputs[0].shape();
  auto const size = static_cast<std::int64_t>(size_of(n.outputs[0].type.element));
  auto const inner = static_cast<std::int64_t>(s.elements(c.axis + 1, s.rank())) * size;
  std::vector<std::int64_t> places;
  for (auto const& part : c.parts) {
    bool const last = part.to + part.length == s[c.axis];
    bool const apart = blocked ? part.to % channel_block == 0 && (part.length % channel_block == 0 || last)
                               : s.elements(0, c.axis) == 1;
    places.push_back(apart && !n.inputs[part.input].constant ? part.to * inner : -1);
  }
  return places;
}

inline layout_choice copy_layouts(scheduled_node const& n, copied_parts const& c) {
  bool blocked = c.axis == 1 && n.inputs[0].shape().rank() >= 3;
  for (std::size_t i = 0; i < c.data_inputs; ++i)
    blocked = blocked && n.inputs[i].how == layout::blocked && !n.inputs[i].constant;
  auto const how = blocked ? layout::blocked : layout::row_major;
  layout_choice choice{.inputs = std::vector(n.inputs.size(), layout::row_major),
                       .outputs = std::vector(n.outputs.size(), how)};
  std::fill_n(choice.inputs.begin(), c.data_inputs, how);
  if (is_standard_operator(*n.n, "Concat")) choice.input_places = places_of_parts(n, c, blocked);
  return choice;
}

inline void copy_channels(scheduled_node const& n, copied_parts const& c, target const& t, fragment& code) {
  for (std::uint32_t o = 0; o < n.outputs.size(); ++o) {
    std::vector<channel_source> map;
    for (auto const& part : c.parts)
      for (std::int64_t i = 0; i < part.length && part.output == o; ++i) map.push_back({part.input, part.from + i});
    if (map.empty()) continue;
    move_channels(code, n, o, map, t);
  }
}

inline void copy_rows(scheduled_node const& n, copied_parts const& c, target const& t, fragment& code) {
  auto const& s = n.inputs[0].shape();
  auto const element = moved_element(n.inputs[0]);
  std::int64_t const size = vector::size_of(element);
  auto const items = c.axis == 0 ? 1 : s[0];
  auto const rows = static_cast<std::int64_t>(s.elements(0, c.axis)) / items;
  auto const inner = static_cast<std::int64_t>(s.elements(c.axis + 1, s.rank())) * size;
  for (auto const& part : c.parts) {
    auto const& from = n.inputs[part.input];
    if (from.placed) continue;
    auto const source = from.constant ? code.weight(pack_raw(from)) : address{.in = space::input, .index = part.input};
    auto const in_row = from.shape()[c.axis] * inner;
    auto const out_row = n.outputs[part.output].shape()[c.axis] * inner;
    for (auto const& piece : full_runs(part.length * inner / size, task_bytes / size))
      for (auto const& run : equal_runs(rows, task_bytes / size / piece.length)) {
        auto in = source;
        in.offset = part.from * inner + run.first * in_row + piece.first * size;
        in.stride = {rows * in_row, run.length * in_row, piece.length * size};
        address const out{.in = space::output,
                          .index = part.output,
                          .offset = part.to * inner + run.first * out_row + piece.first * size,
                          .stride = {rows * out_row, run.length * out_row, piece.length * size}};
        code.add(copy_runs_kernel(element, {run.length, in_row, out_row}, {piece.length, size, size}, t),
                 {items, run.count, piece.count, 1}, {in, out});
      }
  }
}

inline fragment copy_build(scheduled_node const& n, copied_parts const& c, target const& t) {
  fragment code;
  n.outputs[c.parts[0].output].how == layout::blocked ? copy_channels(n, c, t, code) : copy_rows(n, c, t, code);
  return code;
}

inline std::vector<candidate> copy_offer(scheduled_node const& n, target const& t) {
  auto const c = parts_of(n);
  auto const empty = [](operand_info const& o) { return o.type.shape && o.shape().elements() == 0; };
  if (!c || std::ranges::any_of(n.outputs, empty)) return {};
  return {{.layouts = copy_layouts(n, *c), .cost = traffic_cost(n), .build = [c = *c, t](scheduled_node const& at) {
             return copy_build(at, c, t);
           }}};
}

}  // namespace detail

inline constexpr schedule copy_schedule{.name = "copy", .offer = detail::copy_offer};

}  // namespace sinter
