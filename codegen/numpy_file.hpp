#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/sinter.hpp>

#include <cstddef>
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

/// The bytes of an archive, not compressed. Errors: unsupported_feature for strings and for 4 GiB.
std::string npz_bytes(std::span<sinter::named_tensor const> tensors);

}  // namespace codegen
