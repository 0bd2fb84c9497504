#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/kernels/broadcast.hpp>
#include <sinter/ops/operator.hpp>

#include <array>
#include <cmath>
#include <vector>

namespace sinter {

namespace detail {

/// One line over `n` elements. `x` are its operands.
template <typename T>
void interpret_line(expr::instruction const& line, std::array<T const*, 4> x, T* y, std::size_t n) {
  auto const one = [&](auto f) {
    for (std::size_t i = 0; i < n; ++i) y[i] = f(x[0][i]);
  };
  auto const two = [&](auto f) {
    for (std::size_t i = 0; i < n; ++i) y[i] = f(x[0][i], x[1][i]);
  };
  using expr::op;
  switch (line.code) {
    case op::input: break;
    case op::constant: std::fill_n(y, n, static_cast<T>(line.value)); break;
    case op::add: two([](T a, T b) { return a + b; }); break;
    case op::sub: two([](T a, T b) { return a - b; }); break;
    case op::mul: two([](T a, T b) { return a * b; }); break;
    case op::div: two([](T a, T b) { return a / b; }); break;
    case op::min: two([](T a, T b) { return a < b ? a : b; }); break;
    case op::max: two([](T a, T b) { return a > b ? a : b; }); break;
    case op::fma:
      for (std::size_t i = 0; i < n; ++i) y[i] = std::fma(x[0][i], x[1][i], x[2][i]);
      break;
    case op::select:
      for (std::size_t i = 0; i < n; ++i) y[i] = holds(line.cc, x[0][i], x[1][i]) ? x[2][i] : x[3][i];
      break;
    case op::sqrt: one([](T a) { return std::sqrt(a); }); break;
    case op::round: one([](T a) { return std::nearbyint(a); }); break;
    case op::floor: one([](T a) { return std::floor(a); }); break;
    case op::scale2: two([](T a, T b) { return std::ldexp(a, static_cast<int>(b)); }); break;
    case op::exponent: one([](T a) { return std::logb(a); }); break;
    case op::mantissa: one([](T a) { return std::ldexp(a, -std::ilogb(a)); }); break;
    case op::round_half:
      one([](T a) { return static_cast<T>(half_to_float(float_to_half(static_cast<float>(a)))); });
      break;
    case op::neg: one([](T a) { return -a; }); break;
    case op::abs: one([](T a) { return std::fabs(a); }); break;
    case op::ceil: one([](T a) { return std::ceil(a); }); break;
    case op::sign: one([](T a) { return a > 0 ? T(1) : a < 0 ? T(-1) : a; }); break;
    case op::reciprocal: one([](T a) { return 1 / a; }); break;
    case op::exp: one([](T a) { return std::exp(a); }); break;
    case op::log: one([](T a) { return std::log(a); }); break;
    case op::tanh: one([](T a) { return std::tanh(a); }); break;
    case op::sigmoid: one([](T a) { return 1 / (1 + std::exp(-a)); }); break;
    case op::erf: one([](T a) { return std::erf(a); }); break;
    case op::sin: one([](T a) { return std::sin(a); }); break;
    case op::cos: one([](T a) { return std::cos(a); }); break;
    case op::pow: two([](T a, T b) { return std::pow(a, b); }); break;
  }
}

}  // namespace detail

/// out = formula(in[0], in[1], …) with broadcasting. Computes in double where the result is double, else in float. This
/// is what expressions mean: functions come from the C library, not from `expr/math.hpp`.
template <typename Formula>
void interpret_pointwise(input_views in, mutable_tensor_view out, Formula&& formula) {
  std::vector<expr::value> operands;
  for (std::size_t i = 0; i < in.size(); ++i) operands.push_back(expr::input(i));
  auto const lines = expr::flatten(formula(std::span<expr::value const>(operands)), in.size()).lines;
  std::vector<tensor_view> given(in.begin(), in.end());
  static constexpr float zero = 0;
  for (auto& view : given)
    if (!view) view = {dtype::float32, {}, &zero};  // an omitted input, which the formula does not read
  visit_floating(out.type, [&]<typename T>() {
    std::vector<T> buffers(lines.size() * block_elements);
    map_blocks<T>(given, out, [&](T* result, std::span<T const* const> x, std::size_t n) {
      std::vector<T const*> values(lines.size());
      for (std::size_t i = 0; i < lines.size(); ++i) {
        auto const& line = lines[i];
        if (line.code == expr::op::input) {
          values[i] = x[line.index];
          continue;
        }
        std::array<T const*, 4> read{};
        for (int k = 0; k < expr::arity(line.code); ++k)
          read[static_cast<std::size_t>(k)] = values[line.operands[static_cast<std::size_t>(k)]];
        auto* const to = buffers.data() + i * block_elements;
        detail::interpret_line<T>(line, read, to, n);
        values[i] = to;
      }
      std::copy_n(values.back(), n, result);
    });
  });
}

}  // namespace sinter
