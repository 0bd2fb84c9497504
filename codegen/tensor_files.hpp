#pragma once

#include "numpy_file.hpp"
#include <filesystem>
#include <span>
#include <string>
#include <vector>

/// Tensors in files that others read and write, by the ending: .npy, .npz, or .pb for a TensorProto message of ONNX.
namespace codegen {

/// The tensors of a file. Those of .npy and .pb have no name. Errors: io, invalid_argument for another ending, and
/// those of the format.
std::vector<named_file_tensor> read_tensors(std::filesystem::path const& file);

/// The tensors for the inputs of a model, as the command line gives them: `name=file`, or files in the order of
/// `names`; the entries of an archive have names of their own. Errors: as above, invalid_argument for one file too
/// many.
std::vector<named_file_tensor> read_inputs(std::span<std::string const> arguments, std::span<std::string const> names);

/// Writes named tensors: .npz holds them all, .npy and .pb hold one; a path without any of these endings is a folder,
/// which is made where it does not exist and gets NAME.npy for each. Errors: io, invalid_argument for several tensors
/// in a file of one, unsupported_feature for elements that the format lacks.
void write_tensors(std::filesystem::path const& to, std::span<sinter::named_tensor const> tensors);

}  // namespace codegen
