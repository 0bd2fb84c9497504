#pragma once

#include <sinter/schedules/byte_gemm.hpp>

#include <utility>
#include <vector>

/// sinter.QuantizedGemm: row-major 8-bit integers times a constant matrix, requantised; see byte_gemm.hpp.
namespace sinter {
namespace detail {

inline fragment quantized_gemm_build(scheduled_node const& n, byte_gemm_shape const& s, target const& t) {
  fragment code;
  auto const& result = n.op.attributes_as<quantized_gemm::attributes>();
  quantized_product const product(n, s.weights(), result, multiplies_words(t));
  product_operands operands{.quantized = product.tile()};
  operands.requantize(n, product.bias(product.zero_of_bytes()), product.scale(), code);
  return byte_gemm_code(s, product.weights(byte_gemm_interleave(s, t), s.depth), std::move(operands), t,
                        std::move(code))
      .build();
}

inline std::vector<candidate> quantized_gemm_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "QuantizedGemm" || !has_quantized_operands(n)) return {};
  if (!is_byte_gemm(n.inputs[0], n.inputs[3]) || !sums_fit(n, 1)) return {};
  auto const s = byte_gemm_shape::of(n.inputs[0], n.inputs[3]);
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major),
                       .outputs = {layout::row_major},
                       .in_place = overwritable_addend(n)},
           .cost = byte_gemm_cost(s, t),
           .build = [s, t](scheduled_node const& at) { return quantized_gemm_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule quantized_gemm_schedule{.name = "quantized gemm", .offer = detail::quantized_gemm_offer};

}  // namespace sinter
