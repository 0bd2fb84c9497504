#pragma once

#include <sinter/ops/microsoft/bias_activation.hpp>

namespace sinter::microsoft {

/// A quantised tensor among the inputs of an operator: scale and zero point follow its elements.
inline void expect_quantized(inputs const& in, std::size_t elements, std::size_t scale) {
  expect_element(in, elements, {dtype::uint8, dtype::int8});
  expect_element(in, scale, {dtype::float32});
  if (in.has(scale + 1)) {
    auto const expected = in.element(elements);
    if (in.element(scale + 1) != expected)
      fail(error_code::malformed_model, "the zero point in input {} holds {}, expected {}", scale + 1,
           name(in.element(scale + 1)), name(expected));
  }
}

/// Real numbers of the quantised ones in input `elements`, whose scale is input `scale` and zero point, if any, the
/// next.
inline value_id dequantized(body_builder& b, std::size_t elements, std::size_t scale) {
  return b("DequantizeLinear", {b.input(elements), b.input(scale), b.input(scale + 1)});
}

/// Quantised to `type`, by the scale in input `scale` and the zero point, if any, in the next.
inline value_id quantized(body_builder& b, value_id x, std::size_t scale, dtype type) {
  attribute_map how;
  if (!b.input(scale + 1)) how["output_dtype"] = static_cast<std::int64_t>(type);
  return b("QuantizeLinear", {x, b.input(scale), b.input(scale + 1)}, std::move(how));
}

/// The order of axes that takes channels from behind a plane to the front of it, or back.
inline value_id channels_first(body_builder& b, value_id x) {
  auto const rank = static_cast<std::int64_t>(b.shape(x).rank());
  if (rank < 3) fail(error_code::malformed_model, "the input has shape {}, expected rank 3 or more", b.shape(x));
  std::vector<std::int64_t> order{0, rank - 1};
  for (std::int64_t axis = 1; axis + 1 < rank; ++axis) order.push_back(axis);
  return b.transpose(x, order);
}
inline value_id channels_last(body_builder& b, value_id x) {
  std::vector<std::int64_t> order{0};
  for (std::int64_t axis = 2; axis < static_cast<std::int64_t>(b.shape(x).rank()); ++axis) order.push_back(axis);
  order.push_back(1);
  return b.transpose(x, order);
}

}  // namespace sinter::microsoft
