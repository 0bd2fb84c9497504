#pragma once

#include <sinter/core/preferences.hpp>
#include <sinter/core/target.hpp>
#include <sinter/graph/graph.hpp>

#include "comparison.hpp"
#include "model_file.hpp"
#include "tensor_files.hpp"
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// Whether a compiled model computes what it should, and if not, where that begins.
namespace codegen {

/// Where the expected tensors come from: empty: `evaluate`, else a folder with input_0.pb, output_0.pb and so on, or
/// an .npz file with entries named after inputs and values of the model.
struct verify_options {
  std::string reference{};
  std::vector<named_file_tensor> inputs{};  ///< by name; those that are missing are in the reference, or made up
  bool nodes = false;                       ///< compare what each node computes, too
  tolerance allowed{};
  sinter::target machine{"native"};
  sinter::preferences prefer{};
};

struct verify_report {
  std::vector<comparison> outputs{};
  std::vector<comparison> nodes{};      ///< in the order in which they run, all values being outputs of the graph
  std::vector<std::string> missing{};   ///< outputs that the reference lacks
  std::vector<std::string> findings{};  ///< where a difference begins

  bool good() const;
};

/// Runs the model, compiled, and compares. If an output is bad, the rewrite of the graph is found that makes it so, or
/// else the first node. Errors: invalid_argument for inputs or references that do not fit; io; those of the model.
verify_report verify_model(model_arguments const& model, verify_options const& how);

/// The least number from 0 to `most` that is bad, as all numbers behind it are; `most` is bad.
std::int64_t first_bad(std::int64_t most, std::function<bool(std::int64_t)> const& is_bad);

}  // namespace codegen
