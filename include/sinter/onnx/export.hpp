#pragma once

#include <sinter/graph/graph.hpp>

#include <filesystem>
#include <string>

namespace sinter::onnx {

/// The bytes of an ONNX model (a ModelProto message) of a graph. Inputs and outputs of the graph keep their names;
/// other values get a suffix where names are missing or occur twice. Inputs that have a default become initializers.
/// Defined in onnx/exporter.hpp.
/// Errors: unsupported_feature for operators of the domain `sinter`, which nobody else has, and for inputs and outputs
/// that are sequences, optionals or maps; limit_exceeded for 2 GB, the most that a message may have.
std::string export_bytes(graph const& g);

/// Writes `export_bytes` to a file, which is there whole or not at all. Errors: io, and as above.
void export_file(graph const& g, std::filesystem::path const& file);

}  // namespace sinter::onnx
