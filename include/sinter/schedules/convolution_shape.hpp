#pragma once

#include <sinter/ops/fused_convolution.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/epilogue.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/schedules/spatial_tiles.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

/// Convolutions that schedules can compute: which nodes these are, their geometry, layouts and cost.
namespace sinter::detail {

/// Images of at most so many channels are read row-major.
inline constexpr std::int64_t few_channels = 8;

/// Where the results of a window lie in the output's plane, counted in its pixels: side by side, or every few.
struct result_places {
  std::int64_t first = 0, row = 0, col = 1, plane = 0;

  static result_places dense(window2d const& w) { return {.row = w.x.out, .plane = w.y.out * w.x.out}; }
  friend bool operator==(result_places const&, result_places const&) = default;
};

/// Geometry of a convolution, with one spatial axis seen as a plane of one row.
struct convolution_shape {
  std::int64_t items, in_channels, out_channels, groups;
  window2d window;
  result_places places = result_places::dense(window);

  std::int64_t group_inputs() const { return in_channels / groups; }
  std::int64_t group_outputs() const { return out_channels / groups; }
  std::int64_t out_blocks() const { return ceil_div(out_channels, channel_block); }
  std::int64_t in_plane() const { return window.y.in * window.x.in; }
  std::int64_t out_plane() const { return window.y.out * window.x.out; }
  std::int64_t taps() const { return window.y.kernel * window.x.kernel; }
  /// Whether the last block of a dense convolution has so few channels that it is computed as half a block
  /// (`contraction_tile::half_tail`).
  bool half_tail() const { return groups == 1 && (out_channels - 1) % channel_block < channel_block / 2; }
};

inline window_axis convolution_axis(fused_convolution::attributes const& a, std::size_t axis, shape const& in,
                                    shape const& out) {
  return {.in = in[axis + 2],
          .out = out[axis + 2],
          .kernel = a.kernel_shape[axis],
          .stride = a.strides[axis],
          .dilation = a.dilations[axis],
          .pad_begin = a.pads[axis]};
}

inline convolution_shape shape_of_convolution(fused_convolution::attributes const& a, shape const& x, shape const& y) {
  window2d w;
  if (a.kernel_shape.size() == 2) w.y = convolution_axis(a, 0, x, y);
  w.x = convolution_axis(a, a.kernel_shape.size() - 1, x, y);
  return {.items = x[0], .in_channels = x[1], .out_channels = y[1], .groups = a.group, .window = w};
}
inline convolution_shape shape_of_convolution(scheduled_node const& n) {
  return shape_of_convolution(n.op.attributes_as<fused_convolution::attributes>(), n.inputs[0].shape(),
                              n.outputs[0].shape());
}

/// Whether `n` is a sinter.Conv on float32 with constant weights over one or two spatial axes and a supported epilogue.
inline bool is_plain_convolution(scheduled_node const& n) {
  if (n.n->domain != "sinter" || n.n->op != "Conv") return false;
  auto const rank = n.inputs[0].shape().rank();
  if (n.inputs[0].type.element != dtype::float32 || (rank != 3 && rank != 4)) return false;
  if (!n.inputs[1].constant || n.outputs[0].shape().elements() == 0 || n.inputs[1].shape().elements() == 0)
    return false;
  if (has_input(n, 2) && !n.inputs[2].constant) return false;
  return supports_extras(n, 3, 1);
}

/// The layouts of a convolution in NCHW16c.
inline layout_choice blocked_convolution_layouts(scheduled_node const& n, layout input) {
  layout_choice choice;
  choice.inputs.assign(n.inputs.size(), layout::row_major);
  choice.inputs[0] = input;
  for (std::size_t i = 3; i < n.inputs.size(); ++i)
    if (!n.inputs[i].constant && classify_extra(n.inputs[i], n.outputs[0].shape(), 1) != extra_kind::computed_scalar)
      choice.inputs[i] = layout::blocked;
  choice.outputs = {layout::blocked};
  choice.in_place = overwritable_extras(n, n.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1);
  return choice;
}

/// Taps of all positions of an axis that lie inside the input.
inline std::int64_t taps_inside(window_axis const& a) {
  std::int64_t count = 0;
  for (std::int64_t k = 0; k < a.kernel; ++k) {
    auto const before = a.pad_begin - k * a.dilation;  // positions of the padding in front of this tap
    auto const first = std::max<std::int64_t>(0, ceil_div(before, a.stride));
    auto const end = std::min(a.out, ceil_div(a.in + before, a.stride));
    count += std::max<std::int64_t>(0, end - first);
  }
  return count;
}

/// Channels of the last block, or of half of it, and of shared groups count as whole blocks.
inline double direct_convolution_cost(convolution_shape const& s) {
  auto const per_block =
      s.groups == 1
          ? s.in_channels
          : round_up(std::max(s.group_inputs(), channel_block / s.group_outputs() * s.group_inputs()), channel_block);
  auto const outputs = s.out_blocks() * channel_block - (s.half_tail() ? channel_block / 2 : 0);
  auto const taps = static_cast<double>(taps_inside(s.window.y)) * static_cast<double>(taps_inside(s.window.x));
  auto const channels = std::min(per_block, round_up(s.in_channels, channel_block));
  return multiply_add_cost(static_cast<double>(outputs) * static_cast<double>(channels) * taps);
}
}  // namespace sinter::detail
