#pragma once

#include <sinter/core/tensor.hpp>

#include <onnx/onnx_pb.h>

#include "cases.hpp"
#include <set>

namespace conformance {

using sinter::any_tensor;
using sinter::dtype;

/// What the runner cannot check because of the types in the test's data.
struct unsupported_data : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline std::string read_file(fs::path const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Number of bits of the types of which several share a byte; 8 for all others.
inline std::size_t packed_bits(dtype type) {
  switch (type) {
    case dtype::uint4:
    case dtype::int4:
    case dtype::float4e2m1: return 4;
    case dtype::uint2:
    case dtype::int2: return 2;
    default: return 8;
  }
}

/// One element a byte, from several in each, low bits first.
inline std::string unpack(std::string const& bytes, dtype type, std::size_t count) {
  auto const bits = packed_bits(type);
  bool const is_signed = sinter::info(type).kind == sinter::dtype_kind::signed_integer;
  std::string elements(count, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    auto const byte = static_cast<unsigned char>(bytes.at(i * bits / 8));
    auto value = static_cast<int>(byte >> i * bits % 8) & ((1 << bits) - 1);
    if (is_signed && value >> (bits - 1)) value -= 1 << bits;
    elements[i] = static_cast<char>(value);
  }
  return elements;
}

/// Copies the elements of a typed field, whose entries are wider than the tensor's elements, or as wide.
template <typename Field>
std::string narrowed(Field const& field, std::size_t width) {
  std::string bytes;
  for (auto const entry : field) bytes.append(reinterpret_cast<char const*>(&entry), width);
  return bytes;
}

inline std::string bytes_of(onnx::TensorProto const& t, dtype type) {
  if (t.has_raw_data()) return t.raw_data();
  auto const width = sinter::size_of(type);
  switch (type) {
    case dtype::float32:
    case dtype::complex64: return narrowed(t.float_data(), 4);
    case dtype::float64:
    case dtype::complex128: return narrowed(t.double_data(), 8);
    case dtype::int64: return narrowed(t.int64_data(), 8);
    case dtype::uint32:
    case dtype::uint64: return narrowed(t.uint64_data(), width);
    default: return narrowed(t.int32_data(), width);
  }
}

/// The tensor of a TensorProto message, decoded without the library's own importer.
inline any_tensor decode(onnx::TensorProto const& t) {
  auto const type = static_cast<dtype>(t.data_type());
  sinter::shape extents;
  for (auto const extent : t.dims()) extents.push_back(extent);
  any_tensor result(type, extents);
  if (type == dtype::string) {
    auto* to = static_cast<std::string*>(result.data());
    for (auto const& s : t.string_data()) *to++ = s;
    return result;
  }
  auto bytes = bytes_of(t, type);
  if (packed_bits(type) < 8) bytes = unpack(bytes, type, result.elements());
  if (bytes.size() != result.bytes())
    throw std::runtime_error(fmt::format("a tensor of {} bytes has {} bytes of data", result.bytes(), bytes.size()));
  if (!bytes.empty()) std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

inline any_tensor read_tensor(fs::path const& path) {
  onnx::TensorProto t;
  if (!t.ParseFromString(read_file(path))) throw std::runtime_error("no tensor: " + path.string());
  return decode(t);
}

/// What a model declares: the inputs that tests give values for, in order, and whether all are tensors.
struct declaration {
  std::vector<std::string> inputs{};
  bool tensors_only = true;
};

inline declaration read_declaration(fs::path const& model) {
  onnx::ModelProto m;
  if (!m.ParseFromString(read_file(model))) throw std::runtime_error("no model: " + model.string());
  std::set<std::string> initialized;
  for (auto const& t : m.graph().initializer()) initialized.insert(t.name());
  declaration d;
  for (auto const& in : m.graph().input()) {
    if (initialized.contains(in.name())) continue;
    d.inputs.push_back(in.name());
    d.tensors_only = d.tensors_only && in.type().has_tensor_type();
  }
  for (auto const& out : m.graph().output()) d.tensors_only = d.tensors_only && out.type().has_tensor_type();
  return d;
}

/// The input of every light model.
inline any_tensor light_input() {
  any_tensor t(dtype::float32, {1, 3, 224, 224});
  auto const count = t.elements();
  auto* x = static_cast<float*>(t.data());
  for (std::size_t i = 0; i < count; ++i)
    x[i] = static_cast<float>(static_cast<double>(i) / static_cast<double>(count));
  return t;
}

}  // namespace conformance
