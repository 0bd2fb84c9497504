#pragma once

#include <sinter/ops/subgraph_runner.hpp>
#include <sinter/runtime/graph_runner.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace sinter {

/// Runs the subgraphs of a node by runners, which are made when their graph is first run. Any number of threads may use
/// it at once.
class compiled_subgraphs final : public subgraph_runner {
 public:
  explicit compiled_subgraphs(runner_factory make) : make_(std::move(make)) {}

  std::vector<any_tensor> run(std::shared_ptr<graph const> const& body,
                              std::vector<any_tensor> const& inputs) override {
    return runner_of(body).run(inputs);
  }

  template <typename Each>
  void each(Each&& each) const {
    std::scoped_lock lock(mutex_);
    for (auto const& [body, runner] : runners_) each(*runner);
  }

 private:
  graph_runner& runner_of(std::shared_ptr<graph const> const& body) {
    std::scoped_lock lock(mutex_);
    auto& runner = runners_[body];
    if (!runner) runner = make_(body);
    return *runner;
  }

  runner_factory make_;
  mutable std::mutex mutex_;
  std::map<std::shared_ptr<graph const>, std::shared_ptr<graph_runner>> runners_{};
};

}  // namespace sinter
