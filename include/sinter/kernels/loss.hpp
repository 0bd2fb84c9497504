#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <cmath>

namespace sinter::kernels {

enum class loss_reduction { none, mean, sum };

/// log(sum(exp(x))) of one line.
template <typename T>
double log_of_sum(T const* x, axis_view const& view) {
  auto greatest = static_cast<double>(x[0]), sum = 0.0;
  for (std::int64_t i = 1; i < view.extent; ++i) greatest = std::max(greatest, static_cast<double>(x[i * view.inner]));
  for (std::int64_t i = 0; i < view.extent; ++i) sum += std::exp(static_cast<double>(x[i * view.inner]) - greatest);
  return greatest + std::log(sum);
}

/// The negative logarithms of likelihoods of the classes that in[1] names, with the weights of in[2]; output 1, where
/// used, are all logarithms. Numbers: whether softmax comes first, the reduction, whether a class is ignored, which.
inline status likelihood_loss(call const& c) {
  auto const view = axis_view::of(c.in[0].shape, 1);
  bool const softmax = c.integers[0] != 0, ignores = c.integers[2] != 0;
  auto const how = static_cast<loss_reduction>(c.integers[1]);
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory), weights(c.input(2), c.memory);
    staged_input<std::int64_t> targets(c.in[1], c.memory);
    staged_output<T> y(c.output(0), c.memory), logarithms(c.output(1), c.memory);
    if (c.memory.measuring()) return {};
    double total = 0, weight_sum = 0;
    std::int64_t index = 0;
    status result;
    view.for_each_line([&](std::int64_t first) {
      auto const shift = softmax ? log_of_sum(x + first, view) : 0;
      for (std::int64_t i = 0; logarithms.data() && i < view.extent; ++i) {
        auto const at = first + i * view.inner;
        logarithms[at] = static_cast<T>(static_cast<double>(x[at]) - shift);
      }
      auto const target = targets[index];
      double loss = 0;
      if (!ignores || target != c.integers[3]) {
        if (target < 0 || target >= view.extent) {
          result = status::outside(target, 0, view.extent - 1);
          return;
        }
        auto const weight = weights.data() ? static_cast<double>(weights[target]) : 1;
        loss = weight * (shift - static_cast<double>(x[first + target * view.inner]));
        weight_sum += weight;
      }
      if (how == loss_reduction::none && y.data()) y[index] = static_cast<T>(loss);
      total += loss;
      ++index;
    });
    if (how != loss_reduction::none && y.data())
      y[0] = static_cast<T>(how == loss_reduction::sum ? total : total / weight_sum);
    return result;
  });
}

}  // namespace sinter::kernels
