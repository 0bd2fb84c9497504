#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/graph/graph.hpp>

#include <cstddef>
#include <filesystem>
#include <span>

namespace sinter::onnx {

/// Reads an ONNX model. Tensor bytes stay in the file, which the constants keep open. External data is looked up beside
/// the file and must lie in its folder. Local functions are inlined. Defined in onnx/importer.hpp.
/// Errors: io, malformed_model, unsupported_feature, limit_exceeded.
graph import_file(std::filesystem::path const& file, limits const& bounds = {});

/// Reads a tensor that stands alone in a file, as test data do. Errors as above.
any_tensor import_tensor_file(std::filesystem::path const& file, limits const& bounds = {});

/// Reads a model from memory; the bytes are copied where constants need them. External data is an error.
graph import_bytes(std::span<std::byte const> model, limits const& bounds = {});

}  // namespace sinter::onnx
