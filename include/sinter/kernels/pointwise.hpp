#pragma once

#include <sinter/core/expression_line.hpp>
#include <sinter/core/float16.hpp>
#include <sinter/kernels/broadcast.hpp>

#include <array>
#include <cmath>
#include <cstddef>

namespace sinter::kernels {

/// One line of an expression over `n` elements. `x` are its operands.
template <typename T>
void compute_line(expr::instruction const& line, std::array<T const*, 4> x, T* y, std::size_t n) {
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
    case op::round_bfloat16:
      one([](T a) { return static_cast<T>(bfloat16_to_float(float_to_bfloat16(static_cast<float>(a)))); });
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

/// Numbers of a line of an expression in a call: code, comparison, input, operands; its value is a real.
inline constexpr std::size_t line_numbers = 7;

/// Line `i` of the expression that a call brings.
inline expr::instruction line_of(call const& c, std::size_t i) {
  auto const* const n = c.integers.data() + i * line_numbers;
  expr::instruction line{.code = static_cast<expr::op>(n[0]),
                         .cc = static_cast<compare>(n[1]),
                         .index = static_cast<std::uint16_t>(n[2]),
                         .value = static_cast<float>(c.reals[i])};
  for (std::size_t k = 0; k < 4; ++k) line.operands[k] = static_cast<std::uint16_t>(n[3 + k]);
  return line;
}

/// out = expression(in[0], in[1], …) with broadcasting. Computes in double where the result is double, else in float;
/// a result of integers is what the expression gives.
/// Functions are those of the C library. Numbers: see `line_of`; the last line is the result.
inline status pointwise(call const& c) {
  auto const type = c.out[0].type;
  return visit_floating(is_floating(type) ? type : dtype::float32, [&]<typename T>() {
    auto const lines = c.reals.size(), inputs = c.in.size();
    auto* const buffers = c.memory.take<T>(lines * block_elements);
    auto* const values = c.memory.take<T const*>(lines);
    auto* const given = c.memory.take<tensor_view>(inputs);
    static constexpr float zero = 0;
    if (!c.memory.measuring())
      for (std::size_t i = 0; i < inputs; ++i)  // an omitted input, which the expression does not read, is a zero
        given[i] = c.in[i] ? c.in[i] : tensor_view{dtype::float32, {}, &zero};
    auto const views = c.memory.measuring() ? c.in : std::span<tensor_view const>(given, inputs);
    auto const compute = [&](T* result, T const* const* x, std::size_t n) {
      for (std::size_t i = 0; i < lines; ++i) {
        auto const line = line_of(c, i);
        if (line.code == expr::op::input) {
          values[i] = x[line.index];
          continue;
        }
        std::array<T const*, 4> read{};
        for (int k = 0; k < expr::arity(line.code); ++k)
          read[static_cast<std::size_t>(k)] = values[line.operands[static_cast<std::size_t>(k)]];
        auto* const to = buffers + i * block_elements;
        compute_line<T>(line, read, to, n);
        values[i] = to;
      }
      std::copy_n(values[lines - 1], n, result);
    };
    return map_blocks<T>(views, c.out[0], c.memory, compute);
  });
}

/// For kernels with an epilogue, the expression whose values are the call's reals and whose lines begin at number
/// `first`: replaces each element of the output by that of it and of the inputs from the fourth on, which broadcast to
/// it. Nothing where there are no reals.
inline status pointwise_after(call const& c, std::size_t first) {
  if (c.reals.empty()) return {};
  auto const count = 1 + (c.in.size() > 3 ? c.in.size() - 3 : 0);
  auto* const views = c.memory.take<tensor_view>(count);
  if (!c.memory.measuring()) {
    views[0] = c.out[0];
    for (std::size_t i = 1; i < count; ++i) views[i] = c.in[i + 2];
  }
  auto const operands = c.memory.measuring() ? c.in.first(count) : std::span<tensor_view const>(views, count);
  return pointwise({operands, c.out, c.integers.subspan(first), c.reals, c.memory});
}

}  // namespace sinter::kernels
