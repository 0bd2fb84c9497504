#pragma once

#include <sinter/ops/conv_transpose.hpp>
#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/tasks.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// ConvTranspose with constant weights, one or two spatial axes, into NCHW16c. Outputs that lie `stride` apart read the
/// input through the same taps: those of each phase are a convolution of stride 1, with part of the taps in reverse
/// order, whose results lie `stride` pixels apart.
///
///     parallel for phase of the rows, phase of the columns:      (grids side by side)
///       direct convolution (convolution.hpp)
namespace sinter {
namespace detail {

/// Outputs first, first + stride, … of one axis, and the convolution that makes them: tap i of it is tap `taps[i]` of
/// the kernel, none: 0.
struct transposed_phase {
  std::int64_t first = 0, stride = 1;
  std::vector<std::int64_t> taps{};
  window_axis axis{};
};

/// The phases of axis `d` of the window of the convolution that is transposed: its `out` is the input here.
inline std::vector<transposed_phase> transposed_phases(kernels::window const& w, std::size_t d) {
  auto const stride = w.stride[d];
  std::vector<transposed_phase> phases;
  for (std::int64_t first = 0; first < std::min(stride, w.in[d]); ++first) {
    transposed_phase p{.first = first, .stride = stride, .axis = {.in = w.out[d]}};
    p.axis.out = ceil_div(w.in[d] - first, stride);
    std::vector<std::int64_t> positions;  // in the input, of the taps of output `first`
    for (auto tap = w.kernel[d]; tap-- > 0;) {
      auto const distance = first + w.pad_begin[d] - tap * w.dilation[d];
      if (distance % stride != 0) continue;
      p.taps.push_back(tap);
      positions.push_back(distance / stride);
    }
    if (!positions.empty()) {
      p.axis.kernel = static_cast<std::int64_t>(positions.size());
      p.axis.dilation = positions.size() > 1 ? positions[1] - positions[0] : 1;
      p.axis.pad_begin = -positions[0];
    } else {  // one tap that always lies in the padding
      p.axis.pad_begin = p.axis.out;
    }
    phases.push_back(std::move(p));
  }
  return phases;
}

/// The phases of both axes, and what they have in common.
struct transposed_shape {
  std::int64_t items = 1, in_channels = 1, out_channels = 1, groups = 1;
  std::int64_t kernel_cols = 1, kernel_size = 1, out_cols = 1, out_plane = 1;
  std::vector<transposed_phase> rows{}, cols{};

  convolution_shape of(transposed_phase const& row, transposed_phase const& col) const {
    return {.items = items,
            .in_channels = in_channels,
            .out_channels = out_channels,
            .groups = groups,
            .window = {row.axis, col.axis},
            .places = {.first = row.first * out_cols + col.first,
                       .row = row.stride * out_cols,
                       .col = col.stride,
                       .plane = out_plane}};
  }
  double cost() const {
    double sum = 0;
    for (auto const& row : rows)
      for (auto const& col : cols) sum += direct_convolution_cost(of(row, col));
    return sum;
  }
};

inline transposed_shape transposed_shape_of(scheduled_node const& n) {
  auto const& a = n.op.attributes_as<conv_transpose::attributes>();
  auto const &x = n.inputs[0].shape(), &weights = n.inputs[1].shape(), &y = n.outputs[0].shape();
  auto const w = conv_transpose::place(x, weights, a);
  return {.items = x[0],
          .in_channels = x[1],
          .out_channels = y[1],
          .groups = a.convolution.groups,
          .kernel_cols = w.kernel[2],
          .kernel_size = w.kernel_size(),
          .out_cols = w.in[2],
          .out_plane = w.in_size(),
          .rows = transposed_phases(w, 1),
          .cols = transposed_phases(w, 2)};
}

/// The weights of one phase as those of a convolution, MxC/group x taps, from C x M/group x kernel.
inline any_tensor phase_weights(any_tensor const& weights, transposed_shape const& s, transposed_phase const& row,
                                transposed_phase const& col) {
  auto const inputs = s.in_channels / s.groups, outputs = s.out_channels / s.groups;
  any_tensor result(dtype::float32, {s.out_channels, inputs, row.axis.kernel, col.axis.kernel});
  auto const* const from = static_cast<float const*>(weights.data());
  auto* to = static_cast<float*>(result.data());
  for (std::int64_t m = 0; m < s.out_channels; ++m)
    for (std::int64_t c = 0; c < inputs; ++c) {
      auto const* const kernel = from + ((m / outputs * inputs + c) * outputs + m % outputs) * s.kernel_size;
      if (row.taps.empty() || col.taps.empty()) {
        to = std::fill_n(to, row.axis.kernel * col.axis.kernel, 0.0f);
        continue;
      }
      for (auto const y : row.taps)
        for (auto const x : col.taps) *to++ = kernel[y * s.kernel_cols + x];
    }
  return result;
}

inline packing pack_phase(operand_info const& w, transposed_shape const& s, transposed_phase const& row,
                          transposed_phase const& col, block_group const& g, bool blocked_input) {
  auto const c = s.of(row, col);
  auto const blocks = round_up(g.blocks, convolution_interleave);
  return {
      .key = fmt::format("transposed:{}:{}:{}:{}:{}:{}:{}:{}", w.constant_key, blocked_input, s.groups, g.first_block,
                         fmt::join(row.taps, "-"), row.axis.kernel, fmt::join(col.taps, "-"), col.axis.kernel),
      .bytes = packed_group_bytes(checked_mul(g.inputs, c.taps()), blocks),
      .fill = [tensor = *w.constant, s, row, col, c, g, blocked_input](std::byte* to) {
        auto const weights = phase_weights(tensor, s, row, col);
        pack_convolution({.constant = &weights}, c, g, blocked_input).fill(to);
      }};
}

inline fragment transposed_build(scheduled_node const& n, transposed_shape const& s, target const& t) {
  fragment code;
  std::optional<expr::function> const epilogue;
  for (auto const& row : s.rows)
    for (auto const& col : s.cols)
      convolution_code(s.of(row, col), n, epilogue, t, code).add([&](block_group const& g) {
        return pack_phase(n.inputs[1], s, row, col, g, n.inputs[0].how == layout::blocked);
      });
  return code;
}

inline std::vector<candidate> transposed_convolution_offer(scheduled_node const& n, target const& t) {
  if (!is_standard_operator(*n.n, "ConvTranspose") || !is_float_tensor(n.inputs[0])) return {};
  auto const rank = n.inputs[0].shape().rank();
  if ((rank != 3 && rank != 4) || !n.inputs[1].constant || n.inputs[1].shape().elements() == 0) return {};
  if (!is_float_tensor(n.outputs[0]) || (has_input(n, 2) && !n.inputs[2].constant)) return {};
  constexpr std::size_t most_phases = 256;
  auto const s = transposed_shape_of(n);
  if (s.rows.size() * s.cols.size() > most_phases) return {};
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::blocked}};
  bool const image = s.in_channels <= few_channels && n.inputs[0].how == layout::row_major;
  if (!image) layouts.inputs[0] = layout::blocked;
  return {{.layouts = std::move(layouts),
           .cost = s.cost() + far_traffic_cost(n),
           .build = [s, t](scheduled_node const& at) { return transposed_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule transposed_convolution_schedule{.name = "transposed convolution",
                                                          .offer = detail::transposed_convolution_offer};

}  // namespace sinter
