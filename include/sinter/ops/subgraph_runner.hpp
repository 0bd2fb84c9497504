#pragma once

#include <sinter/ops/evaluate.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace sinter {

/// Runs the subgraphs of a node that has some (If, Loop, Scan), as often as its operator asks.
class subgraph_runner {
 public:
  virtual ~subgraph_runner() = default;
  /// The outputs of `body`. `inputs` are in the order of its ports, captured values included.
  virtual std::vector<any_tensor> run(std::shared_ptr<graph const> const& body,
                                      std::vector<any_tensor> const& inputs) = 0;
};

/// By plain loops; each subgraph is bound once.
class evaluated_subgraphs final : public subgraph_runner {
 public:
  std::vector<any_tensor> run(std::shared_ptr<graph const> const& body,
                              std::vector<any_tensor> const& inputs) override {
    for (auto const& [known, evaluation] : bound_)
      if (known == body) return evaluation(inputs);
    check_supported(*body);
    return bound_.emplace_back(body, graph_evaluation(*body)).second(inputs);
  }

 private:
  std::vector<std::pair<std::shared_ptr<graph const>, graph_evaluation>> bound_{};
};

}  // namespace sinter
