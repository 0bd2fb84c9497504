#pragma once

#include <sinter/passes/canonicalize_convolution.hpp>
#include <sinter/passes/canonicalize_gemm.hpp>
#include <sinter/passes/eliminate_dead.hpp>
#include <sinter/passes/eliminate_identity.hpp>
#include <sinter/passes/fold_affine.hpp>
#include <sinter/passes/fold_batch_normalization.hpp>
#include <sinter/passes/fold_constants.hpp>
#include <sinter/passes/widen_half.hpp>
#include <sinter/quantize/upgrade.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace sinter::quantize {

namespace detail {

/// The operator of ONNX that sinter.Conv without epilogue is; attributes that say what holds without them are left out.
inline void restore_convolution(graph& g, node_id id) {
  node n{.op = "Conv", .version = least_opset, .attributes = g.at(id).attributes, .inputs = g.at(id).inputs};
  auto const drop = [&](char const* name, std::int64_t usual) {
    auto const at = n.attributes.find(name);
    if (at == n.attributes.end()) return;
    auto const* const list = std::get_if<std::vector<std::int64_t>>(&at->second);
    auto const* const number = std::get_if<std::int64_t>(&at->second);
    bool const says_nothing =
        list ? std::ranges::all_of(*list, [&](auto v) { return v == usual; }) : number && *number == usual;
    if (says_nothing) n.attributes.erase(name);
  };
  for (auto const* const name : {"dilations", "strides", "group"}) drop(name, 1);
  drop("pads", 0);
  passes::replace_node(g, id, std::move(n));
}

inline bool is_matrix(graph const& g, value_id v) {
  auto const& type = g.at(v).type;
  if (type.shape) return type.shape->rank() == 2;
  return g.at(v).producer && passes::is(g.at(g.at(v).producer), "Flatten");
}

/// Gemm, or MatMul with Add for the bias, in place of sinter.Gemm without epilogue.
inline void restore_product(graph& g, node_id id) {
  auto inputs = g.at(id).inputs;
  inputs.resize(3);
  auto const transposed = attribute_or<std::int64_t>(g.at(id), "trans_b", 0);
  if (transposed != 0 || (inputs[2] && is_matrix(g, inputs[0]) && is_matrix(g, inputs[1]))) {
    if (!inputs[2]) inputs.pop_back();
    node n{.op = "Gemm", .version = least_opset, .attributes = {{"transB", transposed}}, .inputs = std::move(inputs)};
    return passes::replace_node(g, id, std::move(n));
  }
  node product{.name = g.at(id).name, .op = "MatMul", .version = least_opset, .inputs = {inputs[0], inputs[1]}};
  if (!inputs[2]) return passes::replace_node(g, id, std::move(product));
  auto const out = g.at(id).outputs[0];
  auto const sums = g.add_value(g.at(out).name + "_product", g.at(out).type);
  product.outputs = {sums};
  g.add_node(std::move(product));
  passes::replace_node(g, id, {.op = "Add", .version = least_opset, .inputs = {sums, inputs[2]}});
  g.at(id).name += "_bias";
}

inline void restore_standard_operators(graph& g) {
  for (auto const id : g.topological_order()) {
    if (passes::is_fused(g.at(id), "Conv")) restore_convolution(g, id);
    if (passes::is_fused(g.at(id), "Gemm")) restore_product(g, id);
  }
}

}  // namespace detail

/// A graph as quantisation takes it, of standard operators: constants are folded, normalisation and factors of
/// channels are in the weights before them, float16 is widened, Identity and Dropout are gone, and the operator set is
/// one that has quantisation along an axis. Inputs that have a default become constants. What it computes stays the
/// same. Errors: those of passes, and unsupported_feature for operators that have no such form.
inline graph standard_form(graph g) {
  std::erase_if(g.inputs, [&](port const& p) { return g.at(p.value).is_constant(); });
  static constexpr std::array order{passes::fold_constants,
                                    passes::eliminate_identity,
                                    passes::widen_half,
                                    passes::eliminate_dead,
                                    passes::canonicalize_convolution,
                                    passes::canonicalize_gemm,
                                    passes::fold_batch_normalization,
                                    passes::fold_affine};
  rewriter r(g);
  auto count = r.count() - 1;
  for (int round = 0; round < 6 && count != r.count(); ++round) {
    count = r.count();
    for (auto* const run : order) run(r);
  }
  detail::restore_standard_operators(g);
  upgrade_opset(g);
  passes::eliminate_dead(r);
  passes::infer_types(g);
  return g;
}

}  // namespace sinter::quantize
