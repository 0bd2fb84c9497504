#pragma once

#include <sinter/ops/quantized.hpp>
#include <sinter/passes/match.hpp>

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

/// What passes over quantised operators ask of a graph.
namespace sinter::passes::detail {

/// A value of float32 as 8-bit integers: real = (quantised - zero point) * scale.
struct quantized_value {
  value_id value{}, scale{}, zero_point{};  ///< no zero point: 0
  float step = 1;
  std::int64_t zero = 0;
  dtype type = dtype::uint8;
};

inline bool is_byte(dtype type) { return type == dtype::int8 || type == dtype::uint8; }

/// Scale and zero point in inputs 1 and 2 of a QuantizeLinear or DequantizeLinear of `value`, if both are one known
/// number. Where there is no zero point the type is `otherwise`.
inline std::optional<quantized_value> one_step(graph const& g, node const& n, value_id value, dtype otherwise) {
  auto const step = scalar_input(g, n, 1);
  if (!step || !(*step > 0) || !std::isfinite(*step)) return std::nullopt;
  quantized_value q{.value = value, .scale = n.inputs[1], .step = *step, .type = otherwise};
  if (n.inputs.size() > 2 && n.inputs[2]) {
    auto const* const zero = constant_input(g, n, 2);
    if (!zero || zero->elements() != 1 || !is_byte(zero->type())) return std::nullopt;
    q.zero_point = n.inputs[2], q.type = zero->type(), q.zero = integers_of(*zero)[0];
  }
  return is_byte(q.type) ? std::optional(q) : std::nullopt;
}

/// What DequantizeLinear makes input `slot` of `n` from, be it a constant.
inline std::optional<quantized_value> dequantized_any(graph const& g, node const& n, std::size_t slot) {
  auto const* const from = producer(g, n, slot);
  if (!from || !is(*from, "DequantizeLinear")) return std::nullopt;
  return one_step(g, *from, from->inputs[0], g.at(from->inputs[0]).type.element);
}
/// The same of what is no constant.
inline std::optional<quantized_value> dequantized(graph const& g, node const& n, std::size_t slot) {
  auto const x = dequantized_any(g, n, slot);
  return x && !g.at(x->value).is_constant() ? x : std::nullopt;
}

/// Constant weights of 8 bits behind input `slot` of `n`, with one scale and zero point or one for each index of
/// `axis`.
struct quantized_constant {
  value_id value{}, scale{};
  any_tensor zero_points{};
  std::vector<float> steps{};
};
inline std::optional<quantized_constant> dequantized_constant(graph const& g, node const& n, std::size_t slot,
                                                              std::size_t axis) {
  auto const* const from = producer(g, n, slot);
  if (!from || !is(*from, "DequantizeLinear")) return std::nullopt;
  auto const* const w = constant_input(g, *from, 0);
  auto const* const scale = float_input(g, *from, 1);
  if (!w || !scale || !is_byte(w->type()) || axis >= w->shape().rank()) return std::nullopt;
  if (attribute_or<std::int64_t>(*from, "block_size", 0) != 0) return std::nullopt;
  auto const rank = static_cast<std::int64_t>(w->shape().rank());
  auto const along = attribute_or<std::int64_t>(*from, "axis", 1);
  bool const single = scale->elements() == 1;
  if (!single &&
      ((along + rank) % rank != static_cast<std::int64_t>(axis) || scale->shape() != shape{w->shape()[axis]}))
    return std::nullopt;
  quantized_constant c{
      .value = from->inputs[0], .scale = from->inputs[1], .zero_points = any_tensor(w->type(), shape{})};
  c.steps.assign(scale->as<float>().begin(), scale->as<float>().end());
  if (from->inputs.size() > 2 && from->inputs[2]) {
    auto const* const zeros = constant_input(g, *from, 2);
    if (!zeros || zeros->type() != w->type()) return std::nullopt;
    c.zero_points = *zeros;
  }
  return c;
}

/// A bias of real numbers in units of the sums: x scale * weights' scale.
inline std::optional<any_tensor> quantized_bias(graph const& g, node const& n, std::size_t slot, std::int64_t outputs,
                                                float x_step, std::vector<float> const& steps) {
  std::vector<double> reals;
  if (auto const* const plain = float_input(g, n, slot)) {
    reals.assign(plain->as<float>().begin(), plain->as<float>().end());
  } else {
    auto const* const from = producer(g, n, slot);
    if (!from || !is(*from, "DequantizeLinear")) return std::nullopt;
    auto const* const q = constant_input(g, *from, 0);
    auto const* const scale = float_input(g, *from, 1);
    if (!q || !scale || q->type() != dtype::int32) return std::nullopt;
    if (from->inputs.size() > 2 && from->inputs[2]) {
      auto const* const zero = constant_input(g, *from, 2);
      if (!zero || zero->type() != dtype::int32 ||
          std::ranges::count(integers_of(*zero), 0) != std::ssize(integers_of(*zero)))
        return std::nullopt;
    }
    if (scale->elements() != 1 && scale->elements() != q->elements()) return std::nullopt;
    auto const values = integers_of(*q);
    for (std::size_t i = 0; i < values.size(); ++i)
      reals.push_back(values[i] * double{scale->as<float>()[scale->elements() == 1 ? 0 : i]});
  }
  if (std::ssize(reals) != outputs) return std::nullopt;
  any_tensor bias(dtype::int32, {outputs});
  auto* const to = static_cast<std::int32_t*>(bias.data());
  for (std::size_t i = 0; i < reals.size(); ++i) {
    auto const units = reals[i] / (double{x_step} * double{steps[steps.size() == 1 ? 0 : i]});
    if (!(std::fabs(units) < 0x1p30)) return std::nullopt;
    to[i] = static_cast<std::int32_t>(std::nearbyint(units));
  }
  return bias;
}

}  // namespace sinter::passes::detail
