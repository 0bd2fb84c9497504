#pragma once

#include <sinter/ops/entry.hpp>

#include <cstdint>
#include <vector>

namespace sinter {

/// sinter.SumToShape: x, and a tensor whose shape can be broadcast to that of x; x summed over what broadcasting it
/// repeats: the gradient of a broadcast.
struct sum_to_shape {
  static constexpr op_schema schema{
      .name = "SumToShape", .since = 1, .domain = "sinter", .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(0); }
  static graph body(inputs const& in, attributes const&) {
    body_builder b(in);
    auto const from = in.shape(0), to = in.shape(1);
    if (broadcast(from, to) != from)
      fail(error_code::malformed_model, "a tensor of shape {} can't be summed to the shape {}", from, to);
    auto const added = from.rank() - to.rank();  // dimensions in front
    std::vector<std::int64_t> leading, stretched;
    for (std::size_t i = 0; i < added; ++i) leading.push_back(static_cast<std::int64_t>(i));
    for (std::size_t i = 0; i < to.rank(); ++i)
      if (to[i] == 1 && from[added + i] != 1) stretched.push_back(static_cast<std::int64_t>(i));
    auto sum = b.input(0);
    if (!leading.empty()) sum = b("ReduceSum", {sum, b.integers(leading)}, {{"keepdims", std::int64_t{0}}});
    if (!stretched.empty()) sum = b("ReduceSum", {sum, b.integers(stretched)});
    return b.finish({sum});
  }
};

}  // namespace sinter
