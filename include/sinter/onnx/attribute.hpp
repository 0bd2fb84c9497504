#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/onnx/tensor.hpp>

#include <string>
#include <vector>

namespace sinter::onnx {

/// The type of a value. A tensor's may be `undefined`.
inline dtype type_of(proto::TypeProto const& type) {
  auto const element = [](std::int32_t number) {
    if (number < 0 || number >= dtype_count)
      fail(error_code::unsupported_feature, "the data type has number {}, expected 1 to {}", number, dtype_count - 1);
    return static_cast<dtype>(number);
  };
  switch (type.value_case()) {
    case proto::TypeProto::VALUE_NOT_SET: return dtype::undefined;
    case proto::TypeProto::kTensorType: return element(type.tensor_type().elem_type());
    case proto::TypeProto::kMapType: {
      auto const key = element(type.map_type().key_type()), held = type_of(type.map_type().value_type());
      if (held == dtype::float32 && key == dtype::int64) return dtype::map_int64_float32;
      if (held == dtype::float32 && key == dtype::string) return dtype::map_string_float32;
      fail(error_code::unsupported_feature, "a type is a map from {} to {}, expected int64 or string to float",
           name(key), name(held));
    }
    case proto::TypeProto::kSequenceType: {
      auto const item = type_of(type.sequence_type().elem_type());
      if (!is_sequence(item) && !is_optional(item)) return sequence_of(item);
      fail(error_code::unsupported_feature, "a type is a sequence of {}, expected one of tensors or maps", name(item));
    }
    case proto::TypeProto::kOptionalType: {
      auto const item = type_of(type.optional_type().elem_type());
      if (!is_optional(item)) return optional_of(item);
      fail(error_code::unsupported_feature, "a type is an optional of {}", name(item));
    }
    default: fail(error_code::unsupported_feature, "a type is no tensor, map, sequence or optional");
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
    case proto::AttributeProto::TYPE_PROTO: return std::string(name(type_of(a.tp())));
    default:
      fail(error_code::unsupported_feature, "attribute '{}' is of kind {}, a list of tensors, graphs or types",
           a.name(), static_cast<int>(a.type()));
  }
}

}  // namespace sinter::onnx
