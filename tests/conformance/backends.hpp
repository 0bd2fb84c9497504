#pragma once

#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/sinter.hpp>

#include "cases.hpp"
#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace conformance {

using named_tensors = std::map<std::string, sinter::any_tensor>;

/// A way to run a model on named inputs; the outputs are in the model's order.
struct backend {
  std::string_view name{};
  std::vector<sinter::any_tensor> (*run)(std::filesystem::path const& model, named_tensors const& inputs);
  /// What must be done for all cases before one runs; may be null.
  void (*prepare)(std::vector<test_case> const& cases) = nullptr;
};

inline std::vector<sinter::any_tensor> run_evaluate(std::filesystem::path const& model, named_tensors const& inputs) {
  auto const graph = sinter::onnx::import_file(model);
  std::vector<sinter::any_tensor> in_order;
  for (auto const& in : graph.inputs) in_order.push_back(inputs.at(graph.at(in.value).name));
  return sinter::evaluate(graph, in_order);
}

/// Through the library's front door.
inline std::vector<sinter::any_tensor> run_loaded(std::filesystem::path const& model, sinter::options const& how,
                                                  named_tensors const& inputs) {
  auto const net = sinter::load(model, how);
  std::vector<sinter::named_tensor> views;
  for (auto const& [name, tensor] : inputs) views.push_back({name, tensor.view()});
  auto const results = net.run(views);
  std::vector<sinter::any_tensor> outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs.push_back(sinter::copy_of(results[i]));
  return outputs;
}

inline constexpr char wide_registers[] = "avx512", narrow_registers[] = "avx2";

/// With code for at most the given target.
template <char const* Target>
std::vector<sinter::any_tensor> run_compiled(std::filesystem::path const& model, named_tensors const& inputs) {
  return run_loaded(model, {.target = Target, .threads = 1}, inputs);
}

}  // namespace conformance
