#pragma once

#include <sinter/ops/axes.hpp>
#include <sinter/program/device_rows.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/kernel_call.hpp>
#include <sinter/schedules/tasks.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// ArgMax, ArgMin, CumSum and CumProd: kernels of the forms `arg_reduce` and `accumulate`.
namespace sinter::detail::cuda {

/// A tensor as [outer][length][inner] around an axis.
inline device_sizes around_axis(shape const& s, std::int64_t axis) {
  auto const at = static_cast<std::size_t>(axis);
  auto const count = [&](std::size_t first, std::size_t last) {
    return static_cast<std::int64_t>(s.elements(first, last));
  };
  return {count(0, at), s[at], count(at + 1, s.rank())};
}

inline fragment build_arg_reduce(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  auto const s = around_axis(n.inputs[0].shape(), call.integers[0]);
  device_rows rows{
      .sizes = {s[0], s[2], s[1]}, .kept = 2, .from = {s[1] * s[2], 1, s[2]}, .element = n.inputs[0].element()};
  fragment f;
  f.add(arg_reduce_call(std::move(rows), call.integers[1] != 0, call.integers[2] != 0), {input_of(n, 0), output_of()});
  return f;
}

inline std::vector<candidate> arg_reduce_offer(scheduled_node const& n, target const&) {
  bool const known = is_standard_operator(*n.n, "ArgMax") || is_standard_operator(*n.n, "ArgMin");
  if (!known || !is_float_tensor(n.inputs[0]) || n.inputs[0].shape().rank() == 0) return {};
  if (n.inputs[0].shape().elements() == 0) return {};
  return {{.layouts = {.inputs = {row_major_of(n.inputs[0])}, .outputs = {layout::row_major}},
           .cost = traffic_cost(n),
           .build = build_arg_reduce}};
}

inline fragment build_accumulation(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  auto const s = around_axis(n.inputs[0].shape(), call.integers[0]);
  fragment f;
  f.add(accumulate_call({.outer = s[0],
                         .length = s[1],
                         .inner = s[2],
                         .product = call.integers[1] != 0,
                         .exclusive = call.integers[2] != 0,
                         .reverse = call.integers[3] != 0,
                         .element = n.inputs[0].type.element}),
        {input_of(n, 0), output_of()});
  return f;
}

inline std::vector<candidate> accumulation_offer(scheduled_node const& n, target const&) {
  if (!is_standard_operator(*n.n, "CumSum") && !is_standard_operator(*n.n, "CumProd")) return {};
  auto const& x = n.inputs[0];
  auto const t = x.type.element;
  if (t != dtype::float32 && t != dtype::int32 && t != dtype::int64) return {};
  if (!x.type.shape || x.shape().elements() == 0 || !kernel_call_of(n)) return {};
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}},
           .cost = traffic_cost(n),
           .build = build_accumulation}};
}

inline constexpr schedule arg_reduce_schedule{.name = "cuda arg reduce", .offer = arg_reduce_offer};
inline constexpr schedule accumulation_schedule{.name = "cuda accumulate", .offer = accumulation_offer};

}  // namespace sinter::detail::cuda
