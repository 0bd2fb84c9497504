#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/graph/graph.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace sinter {

/// Runs one graph on tensors whose shapes are known only when they come; any number of threads may call it at once.
class graph_runner {
 public:
  virtual ~graph_runner() = default;
  /// The outputs of the graph, on the heap. `inputs` are in the graph's order.
  virtual std::vector<any_tensor> run(std::vector<any_tensor> const& inputs) = 0;
  virtual std::size_t code_bytes() const = 0;  ///< machine code that it keeps
  virtual std::size_t bytes() const = 0;       ///< machine code and memory for runs that it keeps
};

/// Makes the runner of a graph. Where there is none, such graphs run by `evaluate`.
using runner_factory = std::function<std::shared_ptr<graph_runner>(std::shared_ptr<graph const>)>;

}  // namespace sinter
