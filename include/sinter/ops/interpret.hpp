#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/kernels/pointwise.hpp>
#include <sinter/ops/operator.hpp>

#include <vector>

namespace sinter {

/// A call of the kernel that interprets an expression: what expressions mean. Functions come from the C library, not
/// from `expr/math.hpp`.
inline kernel_call pointwise_call(expr::function const& f) {
  kernel_call call{.kernel = {kernels::pointwise, "pointwise", "pointwise.hpp"}};
  for (auto const& line : f.lines) {
    call.integers.insert(call.integers.end(), {static_cast<std::int64_t>(line.code), static_cast<std::int64_t>(line.cc),
                                               static_cast<std::int64_t>(line.index)});
    call.integers.insert(call.integers.end(), line.operands.begin(), line.operands.end());
    call.reals.push_back(static_cast<double>(line.value));
  }
  return call;
}

/// The same for a formula of `count` operands.
template <typename Formula>
kernel_call pointwise_call(std::size_t count, Formula&& formula) {
  std::vector<expr::value> operands;
  for (std::size_t i = 0; i < count; ++i) operands.push_back(expr::input(i));
  return pointwise_call(expr::flatten(formula(std::span<expr::value const>(operands)), count));
}

}  // namespace sinter
