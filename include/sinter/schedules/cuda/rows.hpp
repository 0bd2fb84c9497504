#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/program/device_rows.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/kernel_call.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// Reductions, softmax and normalizations of float tensors: kernels of the forms that combine the elements of rows.
namespace sinter::detail::cuda {

/// What a reduction combines, and what becomes of the result for `count` elements.
struct reduction_steps {
  device_reduction kind = device_reduction::sum;
  expr::function after{};
};

inline std::optional<reduction_steps> reduction_of(std::string_view op, std::int64_t count) {
  auto const x = expr::input(0);
  auto const with = [](device_reduction kind, expr::value const& after) {
    return reduction_steps{kind, expr::flatten(after, 1)};
  };
  auto const mean = x / expr::value(static_cast<float>(count));
  if (op == "ReduceSum") return with(device_reduction::sum, x);
  if (op == "ReduceMean" || op == "GlobalAveragePool") return with(device_reduction::sum, mean);
  if (op == "ReduceMax" || op == "GlobalMaxPool") return with(device_reduction::maximum, x);
  if (op == "ReduceMin") return with(device_reduction::minimum, x);
  if (op == "ReduceProd") return with(device_reduction::product, x);
  if (op == "ReduceL1") return with(device_reduction::sum_of_magnitudes, x);
  if (op == "ReduceL2") return with(device_reduction::sum_of_squares, expr::sqrt(x));
  if (op == "ReduceLogSum") return with(device_reduction::sum, expr::log(x));
  if (op == "ReduceSumSquare") return with(device_reduction::sum_of_squares, x);
  return std::nullopt;
}

/// Whether results are no larger than the elements; others keep the range of float32.
inline bool keeps_range(std::string_view op) {
  constexpr std::array<std::string_view, 5> names{"ReduceMean", "GlobalAveragePool", "ReduceMax", "GlobalMaxPool",
                                                  "ReduceMin"};
  return std::ranges::find(names, op) != names.end();
}

/// The axes that a reduction or a global pool reduces, as bits.
inline std::optional<std::int64_t> reduced_axes_bits(scheduled_node const& n) {
  auto const rank = n.inputs[0].shape().rank();
  if (n.n->op.starts_with("Global")) return rank < 3 ? std::nullopt : std::optional((std::int64_t{1} << rank) - 4);
  auto const call = kernel_call_of(n);
  return call ? std::optional(call.integers[0]) : std::nullopt;
}

inline fragment build_reduction(std::int64_t bits, reduction_steps const& steps, scheduled_node const& n) {
  auto const &x = n.inputs[0], &y = n.outputs[0];
  auto const rank = x.shape().rank();
  bool const keeps = y.shape().rank() == rank;
  std::vector<std::size_t> kept, reduced;
  for (auto const axis : axes_in_memory(rank, x.how)) (bits >> axis & 1 ? reduced : kept).push_back(axis);
  auto const result = strides_of(y);
  device_sizes to;
  for (auto const axis : kept)
    to.push_back(result[keeps ? axis
                              : axis - static_cast<std::size_t>(std::popcount(static_cast<std::uint64_t>(bits) &
                                                                              ((std::uint64_t{1} << axis) - 1)))]);
  to.resize(rank, 0);
  auto axes = kept;
  axes.insert(axes.end(), reduced.begin(), reduced.end());
  device_rows rows{.sizes = in_order(sizes_of(x.shape()), axes),
                   .kept = std::ssize(kept),
                   .from = in_order(strides_of(x), axes),
                   .element = x.element()};
  device_epilogue e{
      .function = steps.after, .arguments = {{y.element(), true, 0, std::move(to)}}, .alignment = alignment_of(n)};
  fragment f;
  f.add(reduce_call(std::move(rows), steps.kind, std::move(e)), {input_of(n, 0), output_of()});
  return f;
}

inline std::vector<candidate> reduction_offer(scheduled_node const& n, target const&) {
  if (!n.n->domain.empty() || !is_float_tensor(n.inputs[0]) || !is_float_tensor(n.outputs[0])) return {};
  auto const count = n.inputs[0].shape().elements() / n.outputs[0].shape().elements();
  auto const steps = reduction_of(n.n->op, static_cast<std::int64_t>(count));
  if (!steps) return {};
  auto const bits = reduced_axes_bits(n);
  if (!bits || *bits == 0) return {};
  layout_choice layouts{
      .inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}, .slices = true};
  layouts.inputs[0] = device_layout(n.inputs[0]);
  if (n.outputs[0].shape().rank() == n.inputs[0].shape().rank())
    layouts.outputs[0] = layouts.inputs[0].as(dtype::undefined);
  layouts.rounds = keeps_range(n.n->op);
  return {
      {.layouts = std::move(layouts),
       .cost = traffic_cost(n),
       .build = [bits = *bits, steps = *steps](scheduled_node const& at) { return build_reduction(bits, steps, at); }}};
}

inline fragment build_softmax(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  auto const outer = call.integers[1], length = call.integers[2], inner = call.integers[3];
  device_sizes const strides{length * inner, 1, inner};
  bool const logarithm = is_standard_operator(*n.n, "LogSoftmax");
  device_rows rows{.sizes = {outer, inner, length}, .kept = 2, .from = strides, .element = n.inputs[0].element()};
  device_epilogue e;
  e.arguments.push_back({n.outputs[0].element(), true, 0, strides});
  fragment f;
  f.add(softmax_call(std::move(rows), logarithm, std::move(e)), {input_of(n, 0), output_of()});
  return f;
}

inline std::vector<candidate> softmax_offer(scheduled_node const& n, target const&) {
  bool const known = is_standard_operator(*n.n, "Softmax") || is_standard_operator(*n.n, "LogSoftmax");
  if (!known || !is_float_tensor(n.inputs[0])) return {};
  return {{.layouts = {.inputs = {row_major_of(n.inputs[0])}, .outputs = {layout::row_major}, .rounds = true},
           .cost = traffic_cost(n),
           .build = build_softmax}};
}

/// A normalization: its rows, and the strides of scale and bias along the same coordinates.
struct normalized_rows {
  device_rows rows{};
  std::vector<device_sizes> factors{};
  bool centred = true;
  float epsilon = 0;
};

/// Rows from an axis on.
inline normalized_rows layer_rows(scheduled_node const& n, kernel_call const& call) {
  auto const& x = n.inputs[0];
  auto const axis = static_cast<std::size_t>(call.integers[0]);
  auto const with_front = [](device_sizes numbers, std::int64_t front) {
    numbers.insert(numbers.begin(), front);
    return numbers;
  };
  normalized_rows r{.rows = {.sizes = with_front(sizes_of(x.shape()), 1),
                             .kept = static_cast<std::int64_t>(axis) + 1,
                             .from = with_front(strides_of(x.shape(), layout::row_major), 0)},
                    .centred = call.integers[1] != 0};
  for (std::size_t i = 1; i < n.inputs.size(); ++i)
    if (n.inputs[i].present()) r.factors.push_back(with_front(broadcast_strides(n.inputs[i], x.shape().rank()), 0));
  return r;
}

/// Rows of the channels of a group.
inline normalized_rows group_rows(scheduled_node const& n, kernel_call const& call) {
  auto const& x = n.inputs[0];
  auto const& s = x.shape();
  auto const strides = strides_of(s, x.how);
  auto const groups = call.integers[0], each = s[1] / groups, pixels = pixels_of(s);
  auto const step = x.how.is_channels_last() ? s[1] : 1;
  normalized_rows r{.rows = {.sizes = {s[0], groups, each, pixels},
                             .kept = 2,
                             .from = {strides[0], each * strides[1], strides[1], step}}};
  if (x.how.is_channels_last()) {  // neighbours in memory last
    std::swap(r.rows.sizes[2], r.rows.sizes[3]);
    std::swap(r.rows.from[2], r.rows.from[3]);
  }
  device_sizes factor = call.integers[1] != 0 ? device_sizes{0, 1, 0, 0} : device_sizes{0, each, 1, 0};
  if (x.how.is_channels_last()) std::swap(factor[2], factor[3]);
  r.factors.assign(2, factor);
  return r;
}

inline fragment build_normalization(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  auto r = call.kernel.name == "normalize_rows" ? layer_rows(n, call) : group_rows(n, call);
  r.epsilon = static_cast<float>(call.reals[0]);
  r.rows.element = n.inputs[0].element();
  device_epilogue e;
  std::vector<address> places{input_of(n, 0)};
  auto result = expr::input(0) * expr::input(1);
  if (r.factors.size() > 1) result = expr::fma(expr::input(0), expr::input(1), expr::input(2));
  for (std::size_t i = 1, next = 0; i < n.inputs.size(); ++i) {
    if (!n.inputs[i].present()) continue;
    e.arguments.push_back({n.inputs[i].element(), false, 0, r.factors[next++]});
    places.push_back(input_of(n, i));
  }
  e.function = expr::flatten(result, 1 + r.factors.size());
  e.arguments.push_back({n.outputs[0].element(), true, 0, r.rows.from});
  places.push_back(output_of());
  fragment f;
  f.add(normalize_call(std::move(r.rows), r.epsilon, r.centred, std::move(e)), std::move(places));
  return f;
}

inline std::vector<candidate> normalization_offer(scheduled_node const& n, target const&) {
  auto const used = [&](std::size_t i) { return i < n.n->outputs.size() && n.n->outputs[i]; };
  if (used(1) || used(2) || n.inputs.size() < 2 || !is_float_tensor(n.outputs[0])) return {};
  auto const floats = [](operand_info const& o) { return !o.present() || is_float_tensor(o); };
  if (!std::ranges::all_of(n.inputs, floats)) return {};
  auto const name = kernel_call_of(n).kernel.name;
  if (name != "normalize_rows" && name != "normalize_groups") return {};
  auto const how = name == "normalize_groups" ? device_layout(n.inputs[0]) : row_major_of(n.inputs[0]);
  layout_choice layouts{.inputs = rows_as_stored(n.inputs),
                        .outputs = std::vector(n.outputs.size(), how.as(dtype::undefined)),
                        .rounds = true};
  layouts.inputs[0] = how;
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = build_normalization}};
}

inline constexpr schedule reduction_schedule{.name = "cuda reduce", .offer = reduction_offer};
inline constexpr schedule softmax_schedule{.name = "cuda softmax", .offer = softmax_offer};
inline constexpr schedule normalization_schedule{.name = "cuda normalize", .offer = normalization_offer};

}  // namespace sinter::detail::cuda
