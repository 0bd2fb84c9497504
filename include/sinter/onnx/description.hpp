#pragma once

#include <sinter/core/dimension.hpp>
#include <sinter/core/dtype.hpp>
#include <sinter/core/limits.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace sinter::onnx {

/// The type that a model declares for a value.
struct declared_type {
  dtype element = dtype::undefined;
  declared_dimensions dimensions{};
};

/// What the file of a model says besides its graph.
struct model_description {
  std::int64_t ir_version = 0;
  std::string producer{};                        ///< name and version of the exporter
  std::map<std::string, std::int64_t> opsets{};  ///< domain to version, "" for ai.onnx
  std::map<std::string, declared_type>
      values{};                       ///< by name: inputs, outputs and intermediate values of the main graph
  std::vector<std::string> faults{};  ///< what ONNX does not allow although `import_file` takes it
};

/// The newest version of the file format that this library knows.
inline constexpr std::int64_t newest_ir_version = 14;

/// Describes a model. Weights are not read. Defined in onnx/describer.hpp. Errors: those of `import_file` that concern
/// the file as such.
model_description describe_file(std::filesystem::path const& file, limits const& bounds = {});

}  // namespace sinter::onnx
