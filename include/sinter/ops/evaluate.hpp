#pragma once

#include <sinter/ops/operator.hpp>

#include <string>
#include <vector>

namespace sinter {

/// Runs a graph by plain loops on the heap, in topological order; each value is freed after its last use. `inputs` are
/// in the order of `g.inputs`. This is the reference that everything else is compared with. Defined in ops/all.hpp.
/// Errors name the node: unsupported_operator (all of them at once), malformed_model, invalid_argument, limit_exceeded.
std::vector<any_tensor> evaluate(graph const& g, std::vector<any_tensor> const& inputs);

/// A graph that runs by `evaluate` as often as wanted, bound once. It must outlive the object, and be supported.
class graph_evaluation {
 public:
  explicit graph_evaluation(graph const& g);
  std::vector<any_tensor> operator()(std::vector<any_tensor> const& inputs) const;

 private:
  struct step {
    node const* n = nullptr;
    bound_operator op{};
  };
  graph const& graph_;
  std::vector<step> steps_{};
};

/// Runs one node. `inputs` are in the order of the node's inputs; omitted ones are empty tensors. The result has one
/// tensor for each output of the node, empty where the output is unused. Its subgraphs run by `bodies`; null: by plain
/// loops. Defined in ops/all.hpp.
std::vector<any_tensor> evaluate(bound_operator const& op, node const& context, std::vector<any_tensor> const& inputs,
                                 subgraph_runner* bodies = nullptr);

/// A node that the library cannot run, and why.
struct unsupported_node {
  std::string reason{};  ///< names the node
  error_code code{};     ///< of `bind`
};

/// All nodes of `g` and its subgraphs that the library cannot run as they are. Defined in ops/all.hpp.
std::vector<unsupported_node> unsupported_nodes(graph const& g);

/// An error that lists them: `error_code::unsupported_operator` if the library lacks an operator, else the code of the
/// first. Defined in ops/all.hpp.
void check_supported(graph const& g);

/// What about a graph may not be as the library takes it, for people: an operator set newer than those that its
/// operators were written for. Defined in ops/all.hpp.
std::vector<std::string> warnings(graph const& g);

/// Types of the outputs of a graph, from the types (and values, where known) of its inputs, in the order of `g.inputs`.
/// Defined in ops/all.hpp.
types infer_outputs(graph const& g, std::span<operand const> inputs);

}  // namespace sinter
