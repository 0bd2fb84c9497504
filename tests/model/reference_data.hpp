#pragma once

#include <sinter/core/tensor.hpp>

#include <onnx/onnx_pb.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

/// Readers of known inputs and outputs, without the library's own importer.
namespace sinter::test {

inline std::string bytes_of_file(std::filesystem::path const& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline any_tensor float_tensor(shape extents, void const* data, std::size_t bytes) {
  any_tensor t(dtype::float32, extents);
  if (bytes != t.bytes()) throw std::runtime_error("reference data of another size");
  std::memcpy(t.data(), data, bytes);
  return t;
}

/// A float tensor of a .pb file.
inline any_tensor read_pb(std::filesystem::path const& file) {
  ::ONNX_NAMESPACE::TensorProto t;
  if (!t.ParseFromString(bytes_of_file(file)) || t.data_type() != 1)
    throw std::runtime_error("no floats: " + file.string());
  shape extents;
  for (auto const e : t.dims()) extents.push_back(e);
  if (t.has_raw_data()) return float_tensor(extents, t.raw_data().data(), t.raw_data().size());
  return float_tensor(extents, t.float_data().data(), static_cast<std::size_t>(t.float_data_size()) * 4);
}

/// The files prefix_0.pb, prefix_1.pb … of a folder.
inline std::vector<any_tensor> read_pbs(std::filesystem::path const& folder, std::string const& prefix) {
  std::vector<any_tensor> tensors;
  for (int i = 0;; ++i) {
    auto const file = folder / (prefix + "_" + std::to_string(i) + ".pb");
    if (!std::filesystem::exists(file)) return tensors;
    tensors.push_back(read_pb(file));
  }
}

/// The first array of an .npz file, which must hold floats, uncompressed, in C order; its shape is the caller's to
/// know.
inline any_tensor read_npz(std::filesystem::path const& file, shape const& extents) {
  auto const bytes = bytes_of_file(file);
  auto const magic = bytes.find("\x93NUMPY");
  if (magic == std::string::npos || magic + 10 > bytes.size()) throw std::runtime_error("no array: " + file.string());
  auto const length =
      static_cast<unsigned char>(bytes[magic + 8]) + 256u * static_cast<unsigned char>(bytes[magic + 9]);
  auto const header = bytes.substr(magic + 10, length), data = bytes.substr(magic + 10 + length);
  any_tensor t(dtype::float32, extents);
  if (header.find("'<f4'") == std::string::npos || header.find("False") == std::string::npos || data.size() < t.bytes())
    throw std::runtime_error("unexpected array: " + header);
  std::memcpy(t.data(), data.data(), t.bytes());
  return t;
}

}  // namespace sinter::test
