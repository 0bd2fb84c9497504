#pragma once

#include <sinter/kernels/staging.hpp>

#include <algorithm>

namespace sinter::kernels {

/// out[…] += in[0][…] * in[1][…] * … for all indices. Numbers: how many dimensions there are, their extents, and the
/// strides of each input and of the output for them.
inline status sum_products(call const& c) {
  return visit_modular(c.in[0].type, [&]<typename T>() -> status {
    auto const inputs = c.in.size(), rank = static_cast<std::size_t>(c.integers[0]);
    auto* const operands = c.memory.take<T const*>(inputs);
    auto* const at = c.memory.take<walk_operand>(inputs + 1);
    for (std::size_t k = 0; k < inputs; ++k) {
      staged_input<T> const x(c.in[k], c.memory);
      if (!c.memory.measuring()) operands[k] = x;
    }
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return {};
    std::fill_n(y.data(), c.out[0].elements(), T{});
    auto const numbers = [&](std::size_t k) { return shape(c.integers.subspan(1 + k * rank, rank)); };
    for (std::size_t k = 0; k <= inputs; ++k) at[k].strides = numbers(k + 1);
    strided_walk const walk(numbers(0), {at, inputs + 1});
    walk.for_each_run([&](std::size_t, std::size_t count) {
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(count); ++i) {
        T product{1};
        for (std::size_t k = 0; k < inputs; ++k) product *= operands[k][at[k].offset + i * at[k].stride()];
        y[at[inputs].offset + i * at[inputs].stride()] += product;
      }
    });
    return {};
  });
}

}  // namespace sinter::kernels
