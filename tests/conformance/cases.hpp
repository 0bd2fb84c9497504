#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace conformance {

namespace fs = std::filesystem;

/// One set of inputs with the outputs that belong to them, as .pb files in order.
struct data_set {
  std::vector<fs::path> inputs{};  ///< empty for a light model: its input is made, see `light`
  std::vector<fs::path> outputs{};
};

/// One folder of the ONNX backend tests.
struct test_case {
  std::string name{};  ///< path below the root: "node/test_abs"
  fs::path model{};
  std::vector<data_set> data{};
  bool light = false;  ///< the input of shape 1x3x224x224 is arange(n) / n
  double rtol = 1e-3;
  double atol = 1e-7;
};

/// The files prefix_0.pb, prefix_1.pb … of a folder, up to the first that is missing.
inline std::vector<fs::path> numbered(fs::path const& folder, std::string const& prefix) {
  std::vector<fs::path> files;
  while (fs::exists(folder / (prefix + std::to_string(files.size()) + ".pb")))
    files.push_back(folder / (prefix + std::to_string(files.size()) + ".pb"));
  return files;
}

/// Tolerances and, for a case without a model of its own, the light model that data.json names.
inline void read_data_json(test_case& c, fs::path const& folder, fs::path const& root) {
  std::ifstream file(folder / "data.json");
  if (!file) return;
  auto const json = nlohmann::json::parse(file);
  c.rtol = json.value("rtol", c.rtol);
  c.atol = json.value("atol", c.atol);
  auto const name = fs::path(json.value("url", "")).filename();
  for (auto const& light : {root / "light", folder.parent_path().parent_path() / "light"}) {
    if (!c.model.empty() || name.empty() || !fs::exists(light / name)) continue;
    c.model = light / name;
    c.light = true;
    c.data.push_back({.inputs = {}, .outputs = numbered(light, name.stem().string() + "_output_")});
  }
}

/// The case in a folder, if there is one: it has a model.onnx, or a data.json that names a light model.
inline test_case read_case(fs::path const& folder, fs::path const& root) {
  test_case c;
  c.name = folder.lexically_relative(root).generic_string();
  if (fs::exists(folder / "model.onnx")) c.model = folder / "model.onnx";
  read_data_json(c, folder, root);
  if (c.light || c.model.empty()) return c;
  for (int i = 0; fs::is_directory(folder / ("test_data_set_" + std::to_string(i))); ++i) {
    auto const set = folder / ("test_data_set_" + std::to_string(i));
    c.data.push_back({.inputs = numbered(set, "input_"), .outputs = numbered(set, "output_")});
  }
  return c;
}

/// All cases below `root`, which may itself be one, sorted by name.
inline std::vector<test_case> find_cases(fs::path const& root) {
  std::vector<test_case> cases;
  auto const consider = [&](fs::path const& folder) {
    if (!fs::exists(folder / "model.onnx") && !fs::exists(folder / "data.json")) return;
    if (auto c = read_case(folder, root); !c.model.empty()) cases.push_back(std::move(c));
  };
  consider(root);
  for (auto const& entry : fs::recursive_directory_iterator(root, fs::directory_options::follow_directory_symlink))
    if (entry.is_directory()) consider(entry.path());
  std::ranges::sort(cases, {}, &test_case::name);
  return cases;
}

}  // namespace conformance
