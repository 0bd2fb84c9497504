#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/quantize/candidates.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Products with constant matrices, which dynamic and weight-only quantisation replace.
namespace sinter::quantize::detail {

/// The weights of a Gemm or MatMul as a matrix [K,N].
inline any_tensor columns_last(any_tensor const& w, product const& p) {
  if (p.outputs == 1) return w;
  auto const n = w.shape()[0], k = w.shape()[1];
  any_tensor result(dtype::float32, {k, n});
  auto const from = w.as<float>();
  auto* const to = static_cast<float*>(result.data());
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < k; ++j) to[j * n + i] = from[static_cast<std::size_t>(i * k + j)];
  return result;
}

/// Builds nodes in place of one.
class replacement {
 public:
  replacement(graph& g, node_id id)
      : g_(g), id_(id), name_(g.at(id).name), version_(g.opsets.at("")), inputs_(g.at(id).inputs) {}

  value_id input() const { return inputs_[0]; }
  value_id constant(char const* what, any_tensor t) { return g_.add_constant(name_ + what, std::move(t)); }
  /// A node before the last, with its outputs as many as types.
  std::vector<value_id> add(char const* what, node n, std::vector<tensor_type> types) {
    for (auto& type : types) n.outputs.push_back(g_.add_value(name_ + what, type));
    n.name = name_ + what;
    if (n.domain.empty()) n.version = version_;
    auto outputs = n.outputs;
    g_.add_node(std::move(n));
    return outputs;
  }
  /// The last node computes what the replaced one did, before its bias.
  void finish(node n) {
    if (n.domain.empty()) n.version = version_;
    if (inputs_.size() < 3 || !inputs_[2]) return passes::replace_node(g_, id_, std::move(n));
    auto const type = g_.at(g_.at(id_).outputs[0]).type;
    auto const sums = add("_product", std::move(n), {type})[0];
    passes::replace_node(g_, id_, {.op = "Add", .version = version_, .inputs = {sums, inputs_[2]}});
  }

 private:
  graph& g_;
  node_id id_;
  std::string name_;
  std::int64_t version_;
  std::vector<value_id> inputs_;
};

/// Calls `replace(node, product, weights as [K,N])` for each Gemm and MatMul of constant weights that `wants` takes.
/// Returns how many there are.
template <typename Replace>
std::size_t for_each_matrix(graph& g, Replace&& replace) {
  std::size_t count = 0;
  for (auto const id : g.topological_order()) {
    auto const p = product_of(g, g.at(id));
    if (!p || p->convolves) continue;
    auto const w = columns_last(g.at(g.at(id).inputs[1]).constant, *p);
    count += replace(id, w);
  }
  return count;
}

}  // namespace sinter::quantize::detail
