#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

/// Operators that compute each element of a float tensor from elements of others: one kernel of the form `pointwise`.
namespace sinter::detail::cuda {

/// Channels last if an operand of the result's shape is: convolutions stand around it.
inline layout result_layout(scheduled_node const& n) {
  auto const& out = n.outputs[0].shape();
  bool const channels_last = std::ranges::any_of(
      n.inputs, [&](operand_info const& in) { return device_layout(in).is_channels_last() && in.shape() == out; });
  return channels_last ? layout::channels_last : layout::row_major;
}

/// Whether a number of the function, or of a small constant, is finite but not so in float16, as in masks: results keep
/// the range of float32.
inline bool has_large_numbers(scheduled_node const& n) {
  constexpr float greatest = 65504;
  constexpr std::size_t small = 1024;
  auto const large = [](float v) { return std::isfinite(v) && std::abs(v) > greatest; };
  std::vector<expr::value> operands;
  for (std::size_t i = 0; i < n.inputs.size(); ++i) operands.push_back(expr::input(i));
  auto const f = expr::flatten(n.op.expression(operands), operands.size());
  return std::ranges::any_of(f.lines, [&](auto const& l) { return l.code == expr::op::constant && large(l.value); }) ||
         std::ranges::any_of(n.inputs, [&](operand_info const& in) {
           return in.constant && in.constant->elements() <= small &&
                  std::ranges::any_of(in.constant->as<float>(), large);
         });
}

inline fragment build_pointwise(scheduled_node const& n) {
  auto const& out = n.outputs[0];
  auto const axes = axes_in_memory(out.shape().rank(), out.how);
  device_epilogue each{.alignment = alignment_of(n)};
  std::vector<expr::value> operands;
  std::vector<address> places;
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    operands.push_back(expr::input(i));
    each.arguments.push_back(argument_of(n.inputs[i], axes));
    places.push_back(input_of(n, i));
  }
  each.arguments.push_back(argument_of(out, axes, true));
  places.push_back(output_of());
  each.function =
      n.op.has_expression() ? expr::flatten(n.op.expression(operands), operands.size()) : expr::flatten(operands[0], 1);
  fragment f;
  f.add(pointwise_call(in_order(sizes_of(out.shape()), axes), std::move(each)), std::move(places));
  return f;
}

inline std::vector<candidate> pointwise_offer(scheduled_node const& n, target const&) {
  if (!n.op.has_expression() || n.outputs.size() != 1 || !is_float_tensor(n.outputs[0])) return {};
  if (!std::ranges::all_of(n.inputs, is_float_tensor)) return {};
  layout_choice layouts{.outputs = {result_layout(n)}, .slices = true, .rounds = !has_large_numbers(n)};
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    auto const& in = n.inputs[i];
    layouts.inputs.push_back(device_layout(in));
    if (in.shape() == n.outputs[0].shape() && layouts.inputs[i].order == layouts.outputs[0].order)
      layouts.in_place.push_back(static_cast<std::uint32_t>(i));
  }
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = build_pointwise}};
}

/// Cast to a floating type, from one whose numbers are all floats.
inline std::vector<candidate> cast_offer(scheduled_node const& n, target const&) {
  auto const is_float = [](dtype t) { return t == dtype::float32 || t == dtype::float16 || t == dtype::bfloat16; };
  auto const is_narrow = [](dtype t) {
    return t == dtype::boolean || t == dtype::uint8 || t == dtype::int8 || t == dtype::uint16 || t == dtype::int16;
  };
  if (!is_standard_operator(*n.n, "Cast") || !is_float(n.outputs[0].type.element)) return {};
  auto const from = n.inputs[0].type.element;
  if (!is_float(from) && !is_narrow(from)) return {};
  auto const how = device_layout(n.inputs[0]);
  std::vector<candidate> all{
      {.layouts = {.inputs = {how}, .outputs = {how.as(dtype::undefined)}, .slices = true, .rounds = true},
       .cost = traffic_cost(n),
       .build = build_pointwise}};
  auto const view = [&](dtype result) {
    return layout_choice{.inputs = {how}, .outputs = {how.as(result)}, .view = 0};
  };
  auto const to = n.outputs[0].type.element, stored = n.inputs[0].element();
  if (to == stored) all.push_back({.layouts = view(dtype::undefined)});
  for (auto const precision : {precision::float16, precision::bfloat16})  // numbers that are rounded already
    if (to == dtype::float32 && from == stored && stored == stored_element(precision))
      all.push_back({.layouts = view(stored), .precision = precision});
  return all;
}

inline constexpr schedule pointwise_schedule{.name = "cuda pointwise", .offer = pointwise_offer};
inline constexpr schedule cast_schedule{.name = "cuda cast", .offer = cast_offer};

}  // namespace sinter::detail::cuda
