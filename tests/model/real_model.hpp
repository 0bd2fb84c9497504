#pragma once

#include <sinter/onnx/import.hpp>
#include <sinter/runtime/signature.hpp>

#include "model/pipeline.hpp"
#include "model/reference_data.hpp"
#include "shared.hpp"
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace sinter::test {

/// Known inputs of a model and the outputs that belong to them.
struct example {
  std::vector<any_tensor> inputs{};   ///< of the inputs without a default, in order
  std::vector<any_tensor> outputs{};  ///< empty where nobody knows them
  double largest = 0;                 ///< magnitude that outputs may have, if that is more than what they do have
};

/// A model with the types of its inputs settled: open dimensions are `batch`, inputs that have a default keep it.
struct real_model {
  graph g;
  std::vector<example> examples{};

  explicit real_model(std::filesystem::path const& file, std::int64_t batch = 1) : g(onnx::import_file(file)) {
    signature s;
    for (auto const& p : g.inputs) {
      auto const& v = g.at(p.value);
      if (v.is_constant()) {
        s.shapes.push_back(std::nullopt);
        continue;
      }
      shape extents;
      for (auto const& d : p.declared.value()) extents.push_back(d.known() ? d.extent : batch);
      s.shapes.push_back(extents);
    }
    g = specialize(std::move(g), s);
  }

  /// Tensors for all inputs, from those for the inputs without a default.
  std::vector<any_tensor> operands(std::vector<any_tensor> const& given) const {
    std::vector<any_tensor> all;
    std::size_t next = 0;
    for (auto const& p : g.inputs) {
      auto const& v = g.at(p.value);
      all.push_back(v.is_constant() ? v.constant : given.at(next++));
    }
    return all;
  }

  /// Float tensors as the types of the inputs without a default (some reference data is float where the model is not).
  std::vector<any_tensor> converted(std::vector<any_tensor> given) const {
    std::size_t next = 0;
    for (auto const& p : g.inputs) {
      auto const& v = g.at(p.value);
      if (!v.is_constant()) given.at(next) = convert(given.at(next), v.type.element), ++next;
    }
    return given;
  }

  /// Inputs that look like pictures: every byte value, scaled to [0, 1).
  std::vector<any_tensor> invented() const {
    std::vector<any_tensor> given;
    for (auto const& p : g.inputs) {
      auto const& v = g.at(p.value);
      if (v.is_constant()) continue;
      auto& t = given.emplace_back(v.type.element, *v.type.shape);
      if (t.type() != dtype::float32) continue;
      auto const x = t.mutable_view().as<float>();
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 256) / 256;
    }
    return given;
  }
};

/// A model folder: its model.onnx, and the reference data that lies beside it as .pb or .npz files.
inline real_model read_folder(std::filesystem::path const& folder) {
  real_model m(folder / "model.onnx");
  for (int i = 0; std::filesystem::exists(folder / ("test_data_set_" + std::to_string(i))); ++i) {
    auto const set = folder / ("test_data_set_" + std::to_string(i));
    m.examples.push_back({read_pbs(set, "input"), read_pbs(set, "output")});
  }
  if (std::filesystem::exists(folder / "inputs.npz")) {
    auto const& in = m.g.at(m.g.inputs.at(0).value).type;
    auto const& out = m.g.outputs.at(0);
    m.examples.push_back({{read_npz(folder / "inputs.npz", *in.shape)},
                          {read_npz(folder / "outputs.npz", static_shape(out.declared).value())}});
  }
  for (auto& e : m.examples) e.inputs = m.converted(e.inputs);
  if (m.examples.empty()) m.examples.push_back({m.invented(), {}});
  return m;
}

}  // namespace sinter::test
