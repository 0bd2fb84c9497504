#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/ops/fused_gemm.hpp>
#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Stacks of matrix products as loops.
namespace sinter::detail {

/// One axis of stacks of products, and how many matrices lie between those that neighbouring ones read.
struct stack_axis {
  std::int64_t extent = 1, a = 0, b = 0;
};

/// Y[stacks][m][n] = sum over k of A[stacks][m][k] * B[stacks][k][n], where stacks broadcast.
struct gemm_shape {
  std::array<stack_axis, 2> stacks{};  ///< the second one the inner one in the output
  std::int64_t rows = 0, depth = 0, columns = 0;

  std::int64_t blocks() const { return ceil_div(columns, channel_block); }
  bool has_one_b() const { return stacks[0].b == 0 && stacks[1].b == 0; }
};

/// A part of the reduction.
struct depth_part {
  std::int64_t first = 0, count = 1;
  bool ends = true;

  bool starts() const { return first == 0; }
};

/// The shape of a sinter.Gemm; none where its stacks broadcast along too many axes in turn.
inline std::optional<gemm_shape> shape_of_gemm(scheduled_node const& n, bool transposed) {
  auto right = n.inputs[1].shape();
  if (transposed) std::swap(right[right.rank() - 1], right[right.rank() - 2]);
  auto const e = kernels::extents_of_matmul(n.inputs[0].shape(), right);
  std::vector<stack_axis> axes;
  for (std::size_t i = 0; i < e.batch.rank(); ++i) {
    stack_axis const axis{e.batch[i], e.a_strides[i], e.b_strides[i]};
    if (axis.extent == 1) continue;
    bool const joins = !axes.empty() && axes.back().a == axis.a * axis.extent && axes.back().b == axis.b * axis.extent;
    if (joins)
      axes.back() = {axes.back().extent * axis.extent, axis.a, axis.b};
    else
      axes.push_back(axis);
  }
  gemm_shape s{.rows = e.m, .depth = e.k, .columns = e.n};
  if (axes.size() == 1 && axes[0].b == 0) {
    s.rows *= axes[0].extent;
    return s;
  }
  if (axes.size() > s.stacks.size()) return std::nullopt;
  std::ranges::copy_backward(axes, s.stacks.end());
  return s;
}

}  // namespace sinter::detail
