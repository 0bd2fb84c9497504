#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/reorder.hpp>
#include <sinter/schedules/resample_line.hpp>
#include <sinter/schedules/resample_pixels.hpp>
#include <sinter/schedules/resample_taps.hpp>
#include <sinter/schedules/resize.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/verify.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Resize and Upsample of one or two spatial axes by any rule, one axis after the other: rows first.
///
/// Blocked:                                            Row-major:
///     for run of rows, piece of a row:                    for 16 rows:
///       for row:                                            transpose into scratch
///         for pixel of the piece: sum of taps               for pixel: sum of taps
///                                                           transpose back
///     --- barrier ---                                     --- barrier ---
///     for run of planes, output row:                      the same
///       for plane, vector of the row: sum of taps
namespace sinter {

namespace detail {

/// A resize of planes: `rows` is the axis along which rows lie, `cols` that within a row.
struct resample_shape {
  std::int64_t items = 1, channels = 1;
  resampled_axis rows{}, cols{};
};

/// The shape of a Resize that leaves items and channels alone.
inline std::optional<resample_shape> resample_shape_of(scheduled_node const& n) {
  if (!is_standard_operator(*n.n, "Resize") && !is_standard_operator(*n.n, "Upsample")) return std::nullopt;
  if (!is_float_tensor(n.inputs[0]) || !is_float_tensor(n.outputs[0])) return std::nullopt;
  auto const& s = n.inputs[0].shape();
  auto const& rule = n.op.attributes_as<resize_attributes>().rule;
  if (s.rank() != 3 && s.rank() != 4) return std::nullopt;
  constexpr std::int64_t longest = 4096;
  auto const plan = resize_plan_of(n);
  if (!plan || std::ranges::any_of(plan->output, [](auto extent) { return extent > longest; })) return std::nullopt;
  for (std::size_t i = 0; i < 2; ++i)
    if (plan->axes[i].in != plan->axes[i].out || plan->axes[i].scale != 1) return std::nullopt;
  kernels::resize_axis const one{};
  auto rows = resampled_axis_of(rule, s.rank() == 4 ? plan->axes[2] : one);
  auto cols = resampled_axis_of(rule, plan->axes[s.rank() - 1]);
  if (!rows || !cols) return std::nullopt;
  return resample_shape{.items = s[0], .channels = s[1], .rows = std::move(*rows), .cols = std::move(*cols)};
}

/// Builds the code of one resize.
class resample_code {
 public:
  /// Pixels of a row that one kernel computes: as many as its body may have instructions for.
  static std::int64_t piece_length(resampled_axis const& axis, int registers_per_block) {
    auto const instructions = registers_per_block * (2 * axis.most_taps + 1);
    return std::max<std::int64_t>(1, vector::longest_innermost_body / instructions);
  }
  /// Whether the kernels of a row fit into one body on every target.
  static bool rows_fit_body(resampled_axis const& axis) {
    auto const pieces = ceil_div(axis.out, piece_length(axis, 2));
    return static_cast<std::size_t>(pieces * 3 + 4) <= most_body_arguments;
  }

  resample_code(resample_shape const& s, scheduled_node const& n, target const& t) : s_(s), n_(n), t_(t) {
    blocked_ = n.outputs[0].how == layout::blocked;
    lanes_ = blocked_ ? 16 : 1;
    items_ = blocked_ ? s.items : 1;
    planes_ = blocked_ ? ceil_div(s.channels, channel_block) : s.items * s.channels;
  }

  fragment build() {
    address x{.in = space::input, .stride = {item_stride(n_.inputs[0])}};
    address const y{.in = space::output, .stride = {item_stride(n_.outputs[0])}};
    bool const both = !s_.rows.identity() && !s_.cols.identity();
    auto between = y;
    if (both) {
      auto const item = planes_ * s_.rows.in * s_.cols.out * lanes_ * 4;
      between = code_.temporary("rows", items_ * item, 0, 1);
      between.stride[0] = item;
    }
    if (!s_.cols.identity() || s_.rows.identity()) {
      blocked_ ? add_blocked_rows(x, between) : add_row_major_rows(x, between);
      x = between;
    }
    if (both) code_.barrier();
    if (!s_.rows.identity()) add_lines(x, y);
    return std::move(code_);
  }

 private:
  std::int64_t piece_length() const { return piece_length(s_.cols, t_.registers_per_block()); }

  /// The call that computes pixels [first, first + length) of `rows` rows; `x` and `y` are at the rows' begin.
  statement pixels(std::int64_t first, std::int64_t length, std::int64_t rows, address x, address y) {
    auto const& axis = s_.cols;
    auto lowest = axis.at(first).first;
    for (auto o = first; o < first + length; ++o) lowest = std::min(lowest, axis.at(o).first);
    resampled_pixels k{.copies = axis.copies(),
                       .most_taps = axis.most_taps,
                       .rows = rows,
                       .in_row = axis.in * 64,
                       .out_row = axis.out * 64};
    for (auto o = first; o < first + length; ++o) {
      auto taps = axis.at(o).taps;
      for (auto& tap : taps) tap += axis.at(o).first - lowest;
      k.pixels.push_back(std::move(taps));
    }
    x.offset += lowest * 64;
    y.offset += first * 64;
    std::vector<address> arguments{x, y};
    if (!k.copies) {
      auto w = code_.weight(pack_taps(axis));
      w.offset = first * axis.most_taps * 4;
      arguments.insert(arguments.begin() + 1, w);
    }
    return code_.call(k.recipe(t_), std::move(arguments));
  }

  void add_blocked_rows(address const& x, address const& y) {
    auto const in_row = s_.cols.in * 64, out_row = s_.cols.out * 64;
    for (auto const& run : equal_runs(planes_ * s_.rows.in, task_bytes / out_row))
      for (std::int64_t first = 0; first < s_.cols.out; first += piece_length()) {
        auto from = x, to = y;
        from.offset = run.first * in_row, from.stride[1] = run.length * in_row;
        to.offset = run.first * out_row, to.stride[1] = run.length * out_row;
        grid g{.extents = {items_, run.count}};
        g.body.push_back(pixels(first, std::min(piece_length(), s_.cols.out - first), run.length, from, to));
        code_.add(std::move(g));
      }
  }

  void add_row_major_rows(address const& x, address const& y) {
    auto const in = s_.cols.in, out = s_.cols.out;
    auto const before = code_.scratch(in * 64), after = code_.scratch(out * 64);
    for (auto const& rows : full_runs(planes_ * s_.rows.in, 16)) {
      auto from = x, to = y;
      from.offset = rows.first * in * 4, from.stride = {16 * in * 4};
      to.offset = rows.first * out * 4, to.stride = {16 * out * 4};
      grid g{.extents = {rows.count}};
      reorder_task const gather{.to_blocked = true, .channels = rows.length, .length = in, .row_bytes = in * 4};
      reorder_task const scatter{.to_blocked = false, .channels = rows.length, .length = out, .row_bytes = out * 4};
      g.body.push_back(code_.call(gather.build(t_), {from, before}));
      for (std::int64_t first = 0; first < out; first += piece_length())
        g.body.push_back(pixels(first, std::min(piece_length(), out - first), 1, before, after));
      g.body.push_back(code_.call(scatter.build(t_), {after, to}));
      code_.add(std::move(g));
    }
  }

  void add_lines(address const& x, address const& y) {
    auto const length = s_.cols.out * lanes_, line = length * 4;
    auto const in_plane = s_.rows.in * line, out_plane = s_.rows.out * line;
    auto const weights = s_.rows.copies() ? address{} : code_.weight(pack_taps(s_.rows));
    for (auto const& planes : equal_runs(planes_, task_bytes / line))
      for (auto const& run : resampled_runs(s_.rows)) {
        auto const& element = s_.rows.at(run.first);
        resampled_line const k{.taps = element.taps,
                               .copies = s_.rows.copies(),
                               .length = length,
                               .planes = planes.length,
                               .in_plane = in_plane,
                               .out_plane = out_plane};
        auto from = x, w = weights, to = y;
        from.offset += planes.first * in_plane + element.first * line;
        from.stride[1] = planes.length * in_plane, from.stride[2] = run.input_step * line;
        w.offset = run.first * s_.rows.most_taps * 4, w.stride[2] = run.step * s_.rows.most_taps * 4;
        to.offset += planes.first * out_plane + run.first * line;
        to.stride[1] = planes.length * out_plane, to.stride[2] = run.step * line;
        std::vector<address> arguments{from, to};
        if (!k.copies) arguments.insert(arguments.begin() + 1, w);
        code_.add(k.recipe(t_), {items_, planes.count, run.count}, std::move(arguments));
      }
  }

  resample_shape const& s_;
  scheduled_node const& n_;
  target t_;
  bool blocked_ = false;
  std::int64_t lanes_ = 1, items_ = 1, planes_ = 1;
  fragment code_{};
};

inline std::vector<candidate> resample_offer(scheduled_node const& n, target const& t) {
  auto const s = resample_shape_of(n);
  if (!s) return {};
  auto const floats = [&](std::int64_t channels, std::int64_t rows, std::int64_t cols) {
    return 4 * static_cast<double>(channels) * static_cast<double>(rows * cols);
  };
  std::vector<candidate> offered;
  for (auto const how : {layout::blocked, layout::row_major}) {
    bool const blocked = how == layout::blocked;
    if (!blocked && !resample_code::rows_fit_body(s->cols)) continue;
    auto const channels = blocked ? round_up(s->channels, channel_block) : s->channels;
    auto const in = floats(channels, s->rows.in, s->cols.in), rows = floats(channels, s->rows.in, s->cols.out),
               out = floats(channels, s->rows.out, s->cols.out);
    auto const bytes = blocked ? in + 2 * rows + out : 2 * in + 4 * rows + out;
    layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {how}};
    layouts.inputs[0] = how;
    offered.push_back({.layouts = std::move(layouts),
                       .cost = traffic_cost(bytes),
                       .build = [s = *s, t](scheduled_node const& at) { return resample_code(s, at, t).build(); }});
  }
  return offered;
}

}  // namespace detail

inline constexpr schedule resample_schedule{.name = "resample", .offer = detail::resample_offer};

}  // namespace sinter
