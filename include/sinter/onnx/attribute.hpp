#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/onnx/tensor.hpp>

#include <string>
#include <vector>

namespace sinter::onnx {

/// ONNX's spelling of a type: `seq(tensor(float))`. Nested types are limited by protobuf's recursion limit.
inline std::string type_name(proto::TypeProto const& type) {
  switch (type.value_case()) {
    case proto::TypeProto::kTensorType: {
      auto const element = type.tensor_type().elem_type();
      bool const known = element > 0 && element < dtype_count;
      return fmt::format("tensor({})", name(known ? static_cast<dtype>(element) : dtype::undefined));
    }
    case proto::TypeProto::kSequenceType: return fmt::format("seq({})", type_name(type.sequence_type().elem_type()));
    case proto::TypeProto::kOptionalType:
      return fmt::format("optional({})", type_name(type.optional_type().elem_type()));
    default: fail(error_code::unsupported_feature, "a type is neither tensor, sequence nor optional");
  }
}

/// The kind of an attribute; models before IR version 2 do not say it, the field that is set does.
inline proto::AttributeProto::AttributeType kind_of(proto::AttributeProto const& a) {
  using type = proto::AttributeProto;
  if (a.type() != type::UNDEFINED) return a.type();
  if (a.has_f()) return type::FLOAT;
  if (a.has_i()) return type::INT;
  if (a.has_s()) return type::STRING;
  if (a.has_t()) return type::TENSOR;
  if (a.has_g()) return type::GRAPH;
  if (a.floats_size() > 0) return type::FLOATS;
  if (a.strings_size() > 0) return type::STRINGS;
  return type::INTS;
}

/// An attribute other than a graph. Sparse tensors become dense, a type becomes its name.
inline attribute read_attribute(proto::AttributeProto const& a, tensor_reader& tensors) {
  switch (kind_of(a)) {
    case proto::AttributeProto::FLOAT: return a.f();
    case proto::AttributeProto::INT: return static_cast<std::int64_t>(a.i());
    case proto::AttributeProto::STRING: return a.s();
    case proto::AttributeProto::TENSOR: return tensors.read(a.t());
    case proto::AttributeProto::SPARSE_TENSOR: return tensors.read(a.sparse_tensor());
    case proto::AttributeProto::FLOATS: return std::vector<float>(a.floats().begin(), a.floats().end());
    case proto::AttributeProto::INTS: return std::vector<std::int64_t>(a.ints().begin(), a.ints().end());
    case proto::AttributeProto::STRINGS: return std::vector<std::string>(a.strings().begin(), a.strings().end());
    case proto::AttributeProto::TYPE_PROTO: return type_name(a.tp());
    default:
      fail(error_code::unsupported_feature, "attribute '{}' is of kind {}, a list of tensors, graphs or types",
           a.name(), static_cast<int>(a.type()));
  }
}

}  // namespace sinter::onnx
