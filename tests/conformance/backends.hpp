#pragma once

#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>

#include <algorithm>
#include <array>
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
};

inline std::vector<sinter::any_tensor> run_evaluate(std::filesystem::path const& model, named_tensors const& inputs) {
  auto const graph = sinter::onnx::import_file(model);
  std::vector<sinter::any_tensor> in_order;
  for (auto const& in : graph.inputs) in_order.push_back(inputs.at(graph.at(in.value).name));
  return sinter::evaluate(graph, in_order);
}

inline constexpr std::array backends{backend{"evaluate", run_evaluate}};

/// The backend of a name, or null.
inline backend const* find_backend(std::string_view name) {
  auto const found = std::ranges::find(backends, name, &backend::name);
  return found == backends.end() ? nullptr : &*found;
}

}  // namespace conformance
