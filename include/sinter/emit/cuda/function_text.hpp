#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/core/error.hpp>
#include <sinter/expr/math.hpp>

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Functions as device text.
namespace sinter::cuda_text {

/// A literal with the same bits.
inline std::string float_text(float v) {
  if (!std::isfinite(v)) return fmt::format("float_of(0x{:08x}u)", std::bit_cast<std::uint32_t>(v));
  constexpr float readable = 1e6f;
  if (v == std::trunc(v) && std::abs(v) < readable) return fmt::format("{:.1f}f", v);
  return fmt::format("{:a}f", v);
}

/// What a primitive operation of operands `x` is in device text.
inline std::string primitive_text(expr::instruction const& line, std::vector<std::string> const& x) {
  using expr::op;
  constexpr std::string_view comparisons[] = {"==", "!=", "<", "<=", ">", ">="};
  switch (line.code) {
    case op::input: return fmt::format("x{}", line.index);
    case op::constant: return float_text(line.value);
    case op::add: return fmt::format("{} + {}", x[0], x[1]);
    case op::sub: return fmt::format("{} - {}", x[0], x[1]);
    case op::mul: return fmt::format("{} * {}", x[0], x[1]);
    case op::div: return fmt::format("divide({}, {})", x[0], x[1]);
    case op::min: return fmt::format("minimum({}, {})", x[0], x[1]);
    case op::max: return fmt::format("maximum({}, {})", x[0], x[1]);
    case op::fma: return fmt::format("fma({}, {}, {})", x[0], x[1], x[2]);
    case op::sqrt: return fmt::format("square_root({})", x[0]);
    case op::round: return fmt::format("round_even({})", x[0]);
    case op::floor: return fmt::format("round_down({})", x[0]);
    case op::scale2: return fmt::format("scale2({}, {})", x[0], x[1]);
    case op::exponent: return fmt::format("exponent({})", x[0]);
    case op::mantissa: return fmt::format("mantissa({})", x[0]);
    case op::select:
      return fmt::format("{} {} {} ? {} : {}", x[0], comparisons[static_cast<std::size_t>(line.cc)], x[1], x[2], x[3]);
    default: SINTER_ASSERT(!"a primitive operation");
  }
  return {};
}

/// The same of integers of a type. Operations that are for floats only are `error_code::system`.
inline std::string integer_text(expr::instruction const& line, std::vector<std::string> const& x,
                                std::string_view type) {
  using expr::op;
  auto const call = [&](std::string_view name) { return fmt::format("{}({}, {})", name, x[0], x[1]); };
  switch (line.code) {
    case op::constant: return fmt::format("({}){}", type, static_cast<std::int64_t>(line.value));
    case op::add: return call("sum");
    case op::sub: return call("difference");
    case op::mul: return call("times");
    case op::div: return call("quotient");
    case op::input:
    case op::min:
    case op::max:
    case op::select: return primitive_text(line, x);
    default: fail(error_code::system, "a function of integers has an operation for floats");
  }
}

/// Statements that compute `f` of x0, x1, … and return it, expanded to primitives: a line each, after `indent`. Its
/// numbers are float32, int64 or uint64.
inline std::string body_text(expr::function const& f, std::string_view indent, dtype numbers = dtype::float32) {
  bool const real = numbers == dtype::float32;
  std::string_view const type = real ? "float" : numbers == dtype::int64 ? "s64" : "u64";
  auto const primitive = expr::expand(f);
  std::vector<std::string> names;
  std::string text;
  int temporaries = 0;
  for (auto const& line : primitive.lines) {
    std::vector<std::string> operands;
    operands.reserve(line.operands.size());
    for (int k = 0; k < expr::arity(line.code); ++k)
      operands.push_back(names[line.operands[static_cast<std::size_t>(k)]]);
    auto value = real ? primitive_text(line, operands) : integer_text(line, operands, type);
    if (expr::arity(line.code) > 0) {
      auto name = fmt::format("t{}", temporaries++);
      text += fmt::format("{}{} const {} = {};\n", indent, type, name, value);
      value = std::move(name);
    }
    names.push_back(std::move(value));
  }
  return text + fmt::format("{}return {};\n", indent, names.back());
}

}  // namespace sinter::cuda_text
