#pragma once

#include <sinter/core/tensor.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

/// numpy's files: one tensor (.npy), or an archive of named ones (.npz, as numpy.savez writes it, not compressed).
namespace codegen {

/// A tensor in the bytes of a .npy file, little-endian. Fortran order is reordered. Errors: malformed_model,
/// unsupported_feature.
sinter::any_tensor parse_npy(std::span<std::byte const> bytes);

/// The bytes of a .npy file. bfloat16, float8 and the 4-bit types, which numpy lacks, are written as unsigned integers.
/// Errors: unsupported_feature for strings.
std::string npy_bytes(sinter::tensor_view t);

struct named_file_tensor {
  std::string name{};
  sinter::any_tensor value{};
};

/// The tensors of an archive, in its order. Errors: malformed_model; unsupported_feature for compressed entries.
std::vector<named_file_tensor> parse_npz(std::span<std::byte const> bytes);

/// The tensors of a .npy, .npz or .pb file, by its ending. Those of .npy and .pb have no name. Errors: io,
/// invalid_argument for another ending, and those above.
std::vector<named_file_tensor> read_tensors(std::filesystem::path const& file);

void write_npy(std::filesystem::path const& file, sinter::tensor_view t);

}  // namespace codegen
