#pragma once

#include <sinter/core/tensor.hpp>

#include <onnx/onnx-data_pb.h>
#include <onnx/onnx_pb.h>

#include "cases.hpp"
#include <set>

namespace conformance {

using sinter::any_tensor;
using sinter::dtype;

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

template <typename Message>
Message parse(std::string const& bytes, fs::path const& path) {
  Message m;
  if (!m.ParseFromString(bytes)) throw std::runtime_error("cannot parse " + path.string());
  return m;
}

/// The library's type for a declared one; a tensor without element type is `undefined`.
inline dtype type_of(onnx::TypeProto const& t) {
  if (t.has_sequence_type()) return sinter::sequence_of(type_of(t.sequence_type().elem_type()));
  if (t.has_optional_type()) return sinter::optional_of(type_of(t.optional_type().elem_type()));
  if (!t.has_tensor_type()) throw std::runtime_error("a type of data that the runner does not know");
  return static_cast<dtype>(t.tensor_type().elem_type());
}

inline any_tensor decode(onnx::SequenceProto const& s, dtype type) {
  std::vector<any_tensor> items;
  for (auto const& t : s.tensor_values()) items.push_back(decode(t));
  return any_tensor::holding(type, std::move(items));
}

inline any_tensor decode(onnx::OptionalProto const& o, dtype type) {
  if (o.has_tensor_value()) return any_tensor::holding(type, {decode(o.tensor_value())});
  if (!o.has_sequence_value()) return any_tensor::holding(type, {});
  return any_tensor::holding(type, {decode(o.sequence_value(), sinter::item_of(type))});
}

/// The value in a file of the type that the model declares.
inline any_tensor read_value(fs::path const& path, dtype declared) {
  auto const bytes = read_file(path);
  if (sinter::is_optional(declared)) return decode(parse<onnx::OptionalProto>(bytes, path), declared);
  if (sinter::is_sequence(declared)) return decode(parse<onnx::SequenceProto>(bytes, path), declared);
  return decode(parse<onnx::TensorProto>(bytes, path));
}

/// What a model declares: the inputs that tests give values for, and the outputs, in order.
struct declaration {
  struct port {
    std::string name{};
    dtype type = dtype::undefined;
  };
  std::vector<port> inputs{};
  std::vector<port> outputs{};
};

inline declaration read_declaration(fs::path const& model) {
  onnx::ModelProto m;
  if (!m.ParseFromString(read_file(model))) throw std::runtime_error("no model: " + model.string());
  std::set<std::string> initialized;
  for (auto const& t : m.graph().initializer()) initialized.insert(t.name());
  declaration d;
  for (auto const& in : m.graph().input()) {
    if (!initialized.contains(in.name())) d.inputs.push_back({in.name(), type_of(in.type())});
  }
  for (auto const& out : m.graph().output()) d.outputs.push_back({out.name(), type_of(out.type())});
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
