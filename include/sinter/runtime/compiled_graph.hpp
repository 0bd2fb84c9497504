#pragma once

#include <sinter/runtime/graph_runner.hpp>
#include <sinter/runtime/lease.hpp>
#include <sinter/runtime/lru_cache.hpp>
#include <sinter/runtime/signature.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace sinter {

/// Compiles a graph for each list of input shapes that comes and keeps the executables used last.
class compiled_graph final : public graph_runner {
 public:
  using compiler = std::function<executable(graph)>;

  /// `compile` gets the graph with the types of its inputs; it and what it refers to must outlive the object. At most
  /// `most` executables are kept, within `bounds.cached_signatures_bytes`.
  compiled_graph(std::shared_ptr<graph const> g, compiler compile, std::size_t most, limits const& bounds)
      : graph_(std::move(g)),
        compile_(std::move(compile)),
        arena_limit_(bounds.arena_bytes),
        cache_(std::max<std::size_t>(most, 1), bounds.cached_signatures_bytes) {}

  std::vector<any_tensor> run(std::vector<any_tensor> const& inputs) override {
    auto l = acquire(inputs);
    auto results = bind(*l, inputs);
    l->run();
    for (std::size_t i = 0; i < results.size(); ++i)
      if (!results[i]) results[i] = copy_of(l->memory.results[i]);
    auto const code = l->code;
    code->give_back(std::move(l));
    return results;
  }

  std::size_t code_bytes() const override {
    std::size_t sum = 0;
    cache_.for_each([&](compiled const& c) { sum += c.code().code_bytes(); });
    return sum;
  }
  std::size_t bytes() const override {
    std::size_t sum = 0;
    cache_.for_each([&](compiled const& c) { sum += c.bytes(); });
    return sum;
  }

 private:
  std::unique_ptr<lease> acquire(std::vector<any_tensor> const& inputs) {
    signature s;
    for (auto const& t : inputs) s.shapes.emplace_back(t.shape());
    auto const code = cache_.get(s, [&] {
      return with_context([&] { return fmt::format("the part of the model for tensors of {}", to_string(s)); },
                          [&] { return std::make_shared<compiled>(s, compile_(typed(inputs))); });
    });
    auto l = code->take();
    if (!l) return std::make_unique<lease>(code, arena_limit_);
    l->code = code;
    return l;
  }

  graph typed(std::vector<any_tensor> const& inputs) const {
    graph g = *graph_;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      g.at(g.inputs[i].value).type = {inputs[i].type(), inputs[i].shape()};
    return g;
  }

  /// Sets the operands. Outputs of known shape get memory of their own, the others stay in the lease for now.
  static std::vector<any_tensor> bind(lease& l, std::vector<any_tensor> const& inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) l.inputs[i] = inputs[i].view();
    auto const& buffers = l.code->code().memory().outputs;
    std::vector<any_tensor> results(buffers.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (auto const& shape = buffers[i].type.shape) results[i] = any_tensor(buffers[i].type.element, *shape);
      l.outputs[i] = results[i] ? results[i].mutable_view() : mutable_tensor_view{};
    }
    return results;
  }

  std::shared_ptr<graph const> graph_;
  compiler compile_;
  std::size_t arena_limit_;
  lru_cache<signature, compiled> cache_;
};

}  // namespace sinter
