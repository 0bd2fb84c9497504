#pragma once

#include <sinter/ops/quantize.hpp>
#include <sinter/schedules/cuda/numbers.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// QuantizeLinear and DequantizeLinear with a scale for all elements, or one for each index of an axis: a kernel of the
/// form `pointwise`. Integers have at most 16 bits, or 32 without a zero point: float32 is as exact as wider types.
namespace sinter::detail::cuda {

inline bool is_quantized(dtype t) { return is_narrow(t) && t != dtype::boolean; }

/// Whether all elements of an operand are known to be 0.
inline bool is_zero(operand_info const& o) {
  if (!o.constant) return false;
  auto const bytes = std::span(static_cast<std::byte const*>(o.constant->data()), o.constant->bytes());
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

/// x / scale rounded to even, moved by the zero point, saturated; a NaN gives the zero point.
inline expr::value quantized(expr::value const& x, expr::value const& scale, expr::value const& zero, dtype to) {
  auto const range = range_of(to);
  auto const scaled = x / scale;
  auto const moved = select(scaled == scaled, round(scaled), 0.0f) + zero;
  return min(max(moved, static_cast<float>(range.least)), static_cast<float>(range.greatest));
}

/// What a node computes of x, scale and, if that is read, the zero point.
struct quantization {
  expr::function function{};
  bool reads_zero = false;
};

inline std::optional<quantization> quantization_of(scheduled_node const& n) {
  bool const quantizes = is_standard_operator(*n.n, "QuantizeLinear");
  if (!quantizes && !is_standard_operator(*n.n, "DequantizeLinear")) return std::nullopt;
  auto const from = n.inputs[0].type.element, to = n.outputs[0].type.element, scale = n.inputs[1].type.element;
  quantization q{.reads_zero = has_input(n, 2) && !is_zero(n.inputs[2])};
  bool const fits = quantizes
                        ? is_float_of_device(from) && is_quantized(to)
                        : is_float_of_device(to) && (is_quantized(from) || (from == dtype::int32 && !q.reads_zero));
  if (!fits || !is_float_of_device(scale)) return std::nullopt;
  auto const x = expr::input(0), by = expr::input(1), zero = q.reads_zero ? expr::input(2) : expr::value(0.0f);
  q.function = expr::flatten(quantizes ? quantized(x, by, zero, to) : (x - zero) * by, q.reads_zero ? 3 : 2);
  return q;
}

/// Elements of the scale for one step of each axis of x; none where it has one for each block.
inline std::optional<device_sizes> scale_strides(scheduled_node const& n) {
  auto const& x = n.inputs[0].shape();
  auto const& a = n.op.attributes_as<quantize_attributes>();
  device_sizes strides(x.rank(), 0);
  if (a.block != 0) return std::nullopt;
  if (n.inputs[1].shape().elements() > 1) strides[normalize_axis(a.axis, x.rank())] = 1;
  return strides;
}

inline fragment build_quantization(scheduled_node const& n) {
  auto q = *quantization_of(n);
  auto const &x = n.inputs[0], &y = n.outputs[0];
  auto const axes = axes_in_memory(y.shape().rank(), y.how);
  auto const along = in_order(*scale_strides(n), axes);
  device_epilogue each{.function = std::move(q.function), .alignment = alignment_of(n)};
  each.arguments = {argument_of(x, axes), {n.inputs[1].type.element, false, 0, along}};
  std::vector<address> places{input_of(n, 0), input_of(n, 1)};
  if (q.reads_zero) {
    each.arguments.push_back({n.inputs[2].type.element, false, 0, along});
    places.push_back(input_of(n, 2));
  }
  each.arguments.push_back(argument_of(y, axes, true));
  places.push_back(output_of());
  fragment f;
  f.add(pointwise_call(in_order(sizes_of(y.shape()), axes), std::move(each)), std::move(places));
  return f;
}

inline std::vector<candidate> quantization_offer(scheduled_node const& n, target const&) {
  if (!quantization_of(n) || !scale_strides(n)) return {};
  return {{.layouts = layouts_as_first(n), .cost = traffic_cost(n), .build = build_quantization}};
}

inline constexpr schedule quantization_schedule{.name = "cuda quantize", .offer = quantization_offer};

}  // namespace sinter::detail::cuda
