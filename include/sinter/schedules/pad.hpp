#pragma once

#include <sinter/ops/pad.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/pad_rows.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Pad of any mode, float32, of one axis or of two neighbouring ones: blocked, where these are spatial, or row-major.
/// Tensors are seen as planes of rows of columns of a unit of floats that lie side by side.
///
///     for plane, run of output rows:                       (grid)
///       for row: copy or fill segment by segment; see pad_rows.hpp
namespace sinter {

namespace detail {

/// One axis: input element of each output element; -1: the value of the padding.
using padded_axis = std::vector<std::int64_t>;

struct pad_shape {
  std::int64_t items = 1, planes = 1, unit = 1;
  std::int64_t in_rows = 1, in_cols = 1;
  padded_axis rows{0}, cols{0};
  float value = 0;
};

/// What a Pad adds to each axis, where its parameters are known.
struct padding {
  kernels::pad_mode mode{};
  std::vector<std::int64_t> before{}, after{};
  float value = 0;

  bool changes(std::size_t axis) const { return before[axis] != 0 || after[axis] != 0; }
  padded_axis along(std::size_t axis, std::int64_t extent) const {
    padded_axis from;
    for (std::int64_t at = -before[axis]; at < extent + after[axis]; ++at)
      from.push_back(kernels::padded_index(mode, at, extent));
    return from;
  }
};

inline std::optional<padding> padding_of(scheduled_node const& n) {
  if (!is_standard_operator(*n.n, "Pad") || !is_float_tensor(n.inputs[0]) || !is_float_tensor(n.outputs[0]))
    return std::nullopt;
  std::vector<tensor_view> views;
  for (auto const& in : n.inputs) views.push_back(in.constant ? in.constant->view() : tensor_view{});
  for (std::size_t i = 1; i < n.inputs.size(); ++i)
    if (n.inputs[i].present() && !n.inputs[i].constant) return std::nullopt;
  auto const& a = n.op.attributes_as<pad::attributes>();
  auto const pads = a.pads.read(input_views(views), 1);
  if (!pads) return std::nullopt;
  auto const axes = has_input(n, 3) ? std::optional(integers_of(views[3])) : std::nullopt;
  auto amounts = pad::resolve(n.inputs[0].shape().rank(), *pads, axes);
  auto const value = has_input(n, 2) ? n.inputs[2].constant->as<float>()[0] : a.value;
  return padding{a.mode, std::move(amounts.before), std::move(amounts.after), value};
}

inline std::optional<pad_shape> blocked_pad(padding const& p, shape const& s) {
  if ((s.rank() != 3 && s.rank() != 4) || p.changes(0) || p.changes(1) || !std::isfinite(p.value)) return std::nullopt;
  auto const last = s.rank() - 1;
  pad_shape r{.items = s[0],
              .planes = ceil_div(s[1], channel_block),
              .unit = channel_block,
              .in_cols = s[last],
              .cols = p.along(last, s[last]),
              .value = p.value};
  if (s.rank() == 4) r.in_rows = s[2], r.rows = p.along(2, s[2]);
  return r;
}

inline std::optional<pad_shape> row_major_pad(padding const& p, shape const& s) {
  pad_shape r{.value = p.value};
  auto axis = s.rank();
  while (axis > 0 && !p.changes(axis - 1)) r.unit *= s[--axis];
  if (axis > 0) --axis, r.in_cols = s[axis], r.cols = p.along(axis, s[axis]);
  if (axis > 0 && p.changes(axis - 1)) --axis, r.in_rows = s[axis], r.rows = p.along(axis, s[axis]);
  while (axis > 0) {
    if (p.changes(--axis)) return std::nullopt;
    r.planes *= s[axis];
  }
  return r;
}

/// Output rows first, first + 1, …, of which the first is input row `from`, each next one the next one; from -1: rows
/// of padding.
struct padded_rows {
  std::int64_t first = 0, count = 1, from = 0;
};

inline std::vector<padded_rows> runs_of_rows(padded_axis const& rows) {
  std::vector<padded_rows> runs;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    auto const follows = [&](padded_rows const& run) { return rows[r] == (run.from < 0 ? -1 : run.from + run.count); };
    if (!runs.empty() && follows(runs.back()))
      ++runs.back().count;
    else
      runs.push_back({.first = static_cast<std::int64_t>(r), .from = rows[r]});
  }
  return runs;
}

inline fragment pad_build(pad_shape const& s, scheduled_node const& n, target const& t) {
  fragment code;
  auto const in_row = s.in_cols * s.unit * 4, out_row = static_cast<std::int64_t>(s.cols.size()) * s.unit * 4;
  auto const in_plane = s.in_rows * in_row, out_plane = static_cast<std::int64_t>(s.rows.size()) * out_row;
  auto const row = segments_of(s.cols, s.unit);
  for (auto const& run : runs_of_rows(s.rows)) {
    auto const add = [&](tile_run const& tasks, tile_run const& planes, pad_rows_shape kernel) {
      address x{.in = space::input, .stride = {item_stride(n.inputs[0])}};
      address y{.in = space::output, .stride = {item_stride(n.outputs[0])}};
      x.offset = planes.first * in_plane + (std::max<std::int64_t>(0, run.from) + tasks.first) * in_row;
      y.offset = planes.first * out_plane + (run.first + tasks.first) * out_row;
      x.stride[1] = planes.length * in_plane, y.stride[1] = planes.length * out_plane;
      x.stride[2] = tasks.length * in_row, y.stride[2] = tasks.length * out_row;
      kernel.value = s.value;
      std::vector<address> arguments{y};
      if (kernel.reads()) arguments.insert(arguments.begin(), x);
      code.add(kernel.recipe(t), {s.items, planes.count, tasks.count}, std::move(arguments));
    };
    auto const floats = out_row / 4;
    if (run.from < 0) {  // a run of rows is one segment
      for (auto const& planes : equal_runs(s.planes, task_bytes / (run.count * out_row)))
        add({0, run.count, 1}, planes,
            {.segments = {{-1, run.count * floats}}, .rows = planes.length, .in_row = 0, .out_row = out_plane});
    } else if (run.count > 1) {
      for (auto const& tasks : equal_runs(run.count, task_bytes / out_row))
        add(tasks, {0, 1, s.planes}, {.segments = row, .rows = tasks.length, .in_row = in_row, .out_row = out_row});
    } else {
      for (auto const& planes : equal_runs(s.planes, task_bytes / out_row))
        add({0, 1, 1}, planes, {.segments = row, .rows = planes.length, .in_row = in_plane, .out_row = out_plane});
    }
  }
  return code;
}

inline std::vector<candidate> pad_offer(scheduled_node const& n, target const& t) {
  auto const p = padding_of(n);
  if (!p) return {};
  std::vector<candidate> offered;
  for (auto const how : {layout::blocked, layout::row_major}) {
    auto s = how == layout::blocked ? blocked_pad(*p, n.inputs[0].shape()) : row_major_pad(*p, n.inputs[0].shape());
    if (!s || segments_of(s->cols, s->unit).size() > most_segments) continue;
    layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {how}};
    layouts.inputs[0] = how;
    offered.push_back({.layouts = std::move(layouts),
                       .cost = traffic_cost(n),
                       .build = [s = std::move(*s), t](scheduled_node const& at) { return pad_build(s, at, t); }});
  }
  return offered;
}

}  // namespace detail

inline constexpr schedule pad_schedule{.name = "pad", .offer = detail::pad_offer};

}  // namespace sinter
