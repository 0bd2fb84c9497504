#pragma once

#include <sinter/graph/rewriter.hpp>
#include <sinter/passes/eliminate_dead.hpp>
#include <sinter/quantize/matrix.hpp>
#include <sinter/quantize/weights.hpp>

#include <cstdint>
#include <map>
#include <vector>

namespace sinter::quantize {

namespace detail {

/// uint8 with its step and zero point, from the range that a value has in each run.
using dynamic_bytes = std::vector<value_id>;

inline void quantize_matrix(graph& g, node_id id, any_tensor const& w, std::map<value_id, dynamic_bytes>& known) {
  replacement r(g, id);
  auto const x = r.input();
  auto const out = g.at(g.at(id).outputs[0]).type.shape;
  auto& bytes = known[x];
  if (bytes.empty())
    bytes = r.add("_input", {.op = "DynamicQuantizeLinear", .inputs = {x}},
                  {{dtype::uint8, g.at(x).type.shape}, {dtype::float32, shape{}}, {dtype::uint8, shape{}}});
  auto const rounded = round_weights(w, 1);
  auto const columns = w.shape()[1];
  auto const values = r.constant("_weights", rounded.values);
  auto const steps = r.constant("_weights_scale", any_tensor::of<float>({columns}, rounded.steps));
  auto const sums =
      r.add("_sums", {.op = "MatMulInteger", .inputs = {bytes[0], values, bytes[2]}}, {{dtype::int32, out}})[0];
  node cast{.op = "Cast", .attributes = {{"to", static_cast<std::int64_t>(dtype::float32)}}, .inputs = {sums}};
  auto const real = r.add("_real", std::move(cast), {{dtype::float32, out}})[0];
  auto const scale = r.add("_scale", {.op = "Mul", .inputs = {bytes[1], steps}}, {{dtype::float32, shape{columns}}})[0];
  r.finish({.op = "Mul", .inputs = {real, scale}});
}

}  // namespace detail

/// Quantises the Gemm and MatMul of constant weights of a graph in standard form without calibration: inputs become
/// uint8 with the step and zero point that they have in each run (DynamicQuantizeLinear), weights int8 with a step for
/// each column, products are MatMulInteger. Convolutions stay float32. Errors: invalid_argument where there is none.
inline graph quantize_dynamic(graph g) {
  std::map<value_id, detail::dynamic_bytes> known;
  auto const count = detail::for_each_matrix(g, [&](node_id id, any_tensor const& w) {
    detail::quantize_matrix(g, id, w, known);
    return true;
  });
  if (count == 0)
    fail(error_code::invalid_argument,
         "nothing to quantise: the model has no Gemm or MatMul of float32 with constant weights; convolutions are "
         "quantised with samples, --data");
  rewriter r(g);
  passes::eliminate_dead(r);
  return g;
}

}  // namespace sinter::quantize
