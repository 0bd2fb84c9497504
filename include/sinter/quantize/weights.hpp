#pragma once

#include <sinter/quantize/candidates.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace sinter::quantize {

/// Weights as int8: real = quantised * step of the channel.
struct byte_weights {
  any_tensor values{};
  std::vector<float> steps{};
};

namespace detail {

/// Where the elements of a tensor lie along one axis.
struct along {
  std::size_t extent, inner;
  along(shape const& s, std::size_t axis)
      : extent(static_cast<std::size_t>(s[axis])), inner(s.elements(axis + 1, s.rank())) {}
  std::size_t operator()(std::size_t element) const { return element / inner % extent; }
};

}  // namespace detail

/// float32 weights as int8, with a step for each index of `axis`: the least that holds all of the channel, and none
/// less than its entry of `least_steps` (none: 0).
inline byte_weights round_weights(any_tensor const& w, std::size_t axis, std::span<float const> least_steps = {}) {
  detail::along const channel(w.shape(), axis);
  byte_weights result{.values = any_tensor(dtype::int8, w.shape()), .steps = std::vector<float>(channel.extent, 0)};
  auto const from = w.as<float>();
  for (std::size_t i = 0; i < from.size(); ++i) {
    auto& most = result.steps[channel(i)];
    most = std::max(most, std::fabs(from[i]));
  }
  for (std::size_t c = 0; c < channel.extent; ++c) {
    auto& step = result.steps[c];
    step = std::max(step / 127, least_steps.empty() ? 0.0f : least_steps[c]);
    if (!(step >= std::numeric_limits<float>::min())) step = 1;
  }
  auto* const to = static_cast<std::int8_t*>(result.values.data());
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i] = static_cast<std::int8_t>(std::clamp(std::nearbyint(from[i] / result.steps[channel(i)]), -127.0f, 127.0f));
  return result;
}

/// What rounding of the weights adds to each output of a product on average, for inputs whose channels have these
/// means; nothing where their number does not fit.
inline std::vector<double> rounding_bias(product const& p, std::int64_t groups, any_tensor const& w,
                                         byte_weights const& rounded, std::span<double const> means) {
  detail::along const output(w.shape(), p.outputs), input(w.shape(), p.inputs);
  auto const group_count = static_cast<std::size_t>(std::max<std::int64_t>(groups, 1));
  if (means.size() != input.extent * group_count || output.extent % group_count != 0) return {};
  std::vector<double> bias(output.extent, 0);
  auto const real = w.as<float>();
  auto const bytes = rounded.values.as<std::int8_t>();
  auto const in_group = output.extent / group_count;
  for (std::size_t i = 0; i < real.size(); ++i) {
    auto const m = output(i);
    auto const error = double{rounded.steps[m]} * bytes[i] - double{real[i]};
    bias[m] += error * means[m / in_group * input.extent + input(i)];
  }
  return bias;
}

}  // namespace sinter::quantize
