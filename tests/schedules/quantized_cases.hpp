#pragma once

#include <sinter/ops/quantized.hpp>

#include "harness.hpp"
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Operands of quantised operators, and convolutions of them.
namespace sinter::test {

inline constexpr auto quantized_convolution_entry = entry_of<quantized_convolution>();

inline test_operand byte(dtype type, std::int64_t value) {
  any_tensor t(type, shape{});
  *static_cast<std::uint8_t*>(t.data()) = static_cast<std::uint8_t>(value);
  return {.value = t, .constant = true};
}
inline test_operand real(float value) { return {.value = any_tensor::scalar(value), .constant = true}; }
inline test_operand reals(std::vector<float> const& values) {
  return {.value = any_tensor::of<float>({std::ssize(values)}, values), .constant = true};
}

/// What is added to a product, and the sum.
struct added_term {
  float scale = 1.1f, sum_scale = 1.7f;
  std::int64_t zero = 0, sum_zero = 0;
  dtype type = dtype::uint8, sum_type = dtype::uint8;
};

inline void add_term(std::vector<test_operand>& operands, added_term const& a, shape const& result, layout how) {
  operands.push_back({.value = random_bytes(a.type, result, 3), .how = how});
  for (auto const& o : {real(a.scale), byte(a.type, a.zero), real(a.sum_scale), byte(a.sum_type, a.sum_zero)})
    operands.push_back(o);
}

struct quantized_geometry {
  shape x, w;
  std::int64_t stride = 1, pad = 0, dilation = 1;
  std::int64_t x_zero = 0, y_zero = 0;
  dtype x_type = dtype::uint8, w_type = dtype::int8, y_type = dtype::uint8;
  bool bias = true;
  attribute_map bounds{};
  float x_scale = 0.5f;
  std::int64_t group = 1;
  std::optional<added_term> addend{};
  layout how = layout::blocked;
};

inline test_case quantized_case(quantized_geometry const& g) {
  using list = std::vector<std::int64_t>;
  auto const rank = g.x.rank() - 2;
  attribute_map a{{"kernel_shape", list(g.w.begin() + 2, g.w.end())},
                  {"strides", list(rank, g.stride)},
                  {"dilations", list(rank, g.dilation)},
                  {"pads", list(2 * rank, g.pad)},
                  {"group", g.group}};
  for (auto const& [name, bound] : g.bounds) a[name] = bound;
  std::vector<float> scales;
  std::vector<std::int32_t> bias;
  for (std::int64_t o = 0; o < g.w[0]; ++o) {
    scales.push_back(0.002f * static_cast<float>(1 + o % 5));
    bias.push_back(static_cast<std::int32_t>(o * 331 - 1000));
  }
  auto const weights_zero = g.w_type == dtype::uint8 ? 128 : 0;
  std::vector<test_operand> operands{
      {.value = random_bytes(g.x_type, g.x, 1), .how = g.how},
      real(g.x_scale),
      byte(g.x_type, g.x_zero),
      {.value = random_bytes(g.w_type, g.w, 2), .constant = true},
      reals(scales),
      byte(g.w_type, weights_zero),
      real(0.75f),
      byte(g.y_type, g.y_zero),
      {.value = g.bias ? any_tensor::of<std::int32_t>({g.w[0]}, bias) : any_tensor{}, .constant = true}};
  if (g.addend) {
    shape y{g.x[0], g.w[0]};
    for (std::size_t i = 2; i < g.x.rank(); ++i)
      y.push_back((g.x[i] + 2 * g.pad - g.dilation * (g.w[i] - 1) - 1) / g.stride + 1);
    add_term(operands, *g.addend, y, layout::blocked);
  }
  return make_case(quantized_convolution_entry, a, std::move(operands));
}

/// Bit for bit, with and without instructions for bytes.
inline void check_products(test_case const& c, schedule const& s) { check_case(c, s, 0, byte_targets); }

}  // namespace sinter::test
