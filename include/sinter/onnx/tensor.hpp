#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/core/tensor.hpp>
#include <sinter/onnx/copy_slab.hpp>
#include <sinter/onnx/external_data.hpp>

#include <onnx/onnx_pb.h>

#include <bit>
#include <charconv>
#include <cstdint>
#include <string>

namespace sinter::onnx {

namespace proto = ::ONNX_NAMESPACE;

/// Turns messages into tensors. Elements that lie in a file as they are in memory stay there; others are copied. Both
/// are charged, since those in a file may be copied later.
class tensor_reader {
 public:
  tensor_reader(byte_source source, external_data external, limits const& bounds)
      : source_(std::move(source)),
        external_(std::move(external)),
        copies_("the model's constants", bounds.weight_bytes),
        slab_(source_.file() ? 0 : source_.size()) {
    static_assert(std::endian::native == std::endian::little, "raw tensor data is little-endian");
  }

  /// `t` is a message that `scan_message` has rewritten.
  any_tensor read(proto::TensorProto const& t) {
    return with_context([&] { return fmt::format("tensor '{}'", t.name()); },
                        [&] { return read_elements(t, type_of(t), shape_of(t)); });
  }

  /// The dense form of a sparse tensor.
  any_tensor read(proto::SparseTensorProto const& t) {
    return with_context([&] { return fmt::format("sparse tensor '{}'", t.values().name()); },
                        [&] { return read_sparse(t); });
  }

  static dtype type_of(proto::TensorProto const& t) {
    if (t.data_type() <= 0 || t.data_type() >= dtype_count)
      fail(error_code::unsupported_feature, "the data type has number {}, expected 1 to {}", t.data_type(),
           dtype_count - 1);
    return static_cast<dtype>(t.data_type());
  }

 private:
  template <typename Extents>
  static shape checked_shape(Extents const& extents) {
    shape s;
    for (auto const extent : extents) s.push_back(extent);
    s.elements();
    return s;
  }
  static shape shape_of(proto::TensorProto const& t) { return checked_shape(t.dims()); }

  /// Elements that share one byte of raw data.
  static std::size_t elements_per_byte(dtype type) {
    switch (type) {
      case dtype::uint4:
      case dtype::int4:
      case dtype::float4e2m1: return 2;
      case dtype::uint2:
      case dtype::int2: return 4;
      default: return 1;
    }
  }

  any_tensor allocate(dtype type, shape const& extents) {
    copies_.charge(dense_bytes(type, extents));
    return any_tensor(type, extents);
  }

  any_tensor read_elements(proto::TensorProto const& t, dtype type, shape const& extents) {
    if (t.has_segment()) fail(error_code::unsupported_feature, "the tensor is stored in segments");
    if (t.data_location() == proto::TensorProto::EXTERNAL) return read_external(t, type, extents);
    if (t.has_doc_string()) return from_raw(located(t.doc_string()), type, extents);
    return read_fields(t, type, extents);
  }

  // Raw data.

  byte_source located(std::string const& note) const {
    std::size_t offset = 0, size = 0;
    auto const* const end = note.data() + note.size();
    auto const colon = std::from_chars(note.data(), end, offset).ptr;
    SINTER_ASSERT(colon != end && std::from_chars(colon + 1, end, size).ptr == end);
    return source_.part(offset, size);
  }

  any_tensor from_raw(byte_source const& raw, dtype type, shape const& extents) {
    if (type == dtype::string) fail(error_code::malformed_model, "strings have raw data, expected string_data");
    auto const count = extents.elements(), packed = elements_per_byte(type);
    auto const expected = packed == 1 ? dense_bytes(type, extents) : count / packed + (count % packed != 0);
    if (raw.size() != expected)
      fail(error_code::malformed_model, "the data has {} bytes, expected {} for {} of shape {}", raw.size(), expected,
           name(type), extents);
    if (packed != 1) {
      auto result = allocate(type, extents);
      byte_window bytes(raw);
      unpack(result, [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); });
      return result;
    }
    if (type == dtype::boolean) return to_booleans(raw, extents);
    if (!raw.file()) return copy_raw(raw, type, extents);
    copies_.charge(raw.size());
    return any_tensor(type, extents, std::make_shared<located_bytes const>(raw.file(), raw.offset(), raw.size()));
  }

  any_tensor copy_raw(byte_source const& raw, dtype type, shape const& extents) {
    copies_.charge(raw.size());
    auto const memory = slab_.take(raw.size());
    auto result = memory ? any_tensor(type, extents, memory) : any_tensor(type, extents);
    raw.read(0, {static_cast<std::byte*>(result.data()), raw.size()});
    return result;
  }

  /// Any byte but 0 is true; the one true value in memory is 1.
  any_tensor to_booleans(byte_source const& raw, shape const& extents) {
    auto result = allocate(dtype::boolean, extents);
    byte_window bytes(raw);
    auto* const to = static_cast<bool*>(result.data());
    for (std::size_t i = 0; i < raw.size(); ++i) to[i] = bytes[i] != std::byte{0};
    return result;
  }

  /// Spreads elements of 4 or 2 bits, first in the lowest bits, over a byte each. `byte(i)` gives packed byte i.
  template <typename Byte>
  static void unpack(any_tensor& result, Byte byte) {
    auto const packed = elements_per_byte(result.type());
    unsigned const bits = 8 / static_cast<unsigned>(packed), mask = (1u << bits) - 1;
    unsigned const sign = info(result.type()).kind == dtype_kind::signed_integer ? 1u << (bits - 1) : 0;
    auto* const out = static_cast<std::uint8_t*>(result.data());
    for (std::size_t i = 0; i < result.elements(); ++i) {
      auto const element = byte(i / packed) >> (i % packed * bits) & mask;
      out[i] = static_cast<std::uint8_t>((element ^ sign) - sign);
    }
  }

  any_tensor read_external(proto::TensorProto const& t, dtype type, shape const& extents) {
    std::string location;
    std::size_t offset = 0;
    std::optional<std::size_t> length;
    for (auto const& entry : t.external_data()) {
      auto const& text = entry.value();
      if (entry.key() == "location") location = text;
      if (entry.key() != "offset" && entry.key() != "length") continue;
      std::size_t number = 0;
      auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (code != std::errc{} || end != text.data() + text.size())
        fail(error_code::malformed_model, "external data has {} '{}', expected a number of bytes", entry.key(), text);
      if (entry.key() == "offset") offset = number;
      if (entry.key() == "length") length = number;
    }
    auto const& file = external_.open(location);
    if (offset > file.size() || length.value_or(0) > file.size() - offset)
      fail(error_code::malformed_model,
           "external data '{}' has {} bytes, expected {} bytes from offset {} on; copy the whole file", location,
           file.size(), length.value_or(0), offset);
    return from_raw(file.part(offset, length.value_or(file.size() - offset)), type, extents);
  }

  // Data in typed fields.

  any_tensor read_fields(proto::TensorProto const& t, dtype type, shape const& extents) {
    auto const is_complex = info(type).kind == dtype_kind::complex;
    auto const numbers =
        static_cast<std::size_t>(checked_mul(static_cast<std::int64_t>(extents.elements()), is_complex ? 2 : 1));
    switch (type) {
      case dtype::float32:
      case dtype::complex64: return copy<float>(t.float_data(), "float_data", type, extents, numbers);
      case dtype::float64:
      case dtype::complex128: return copy<double>(t.double_data(), "double_data", type, extents, numbers);
      case dtype::int64: return copy<std::int64_t>(t.int64_data(), "int64_data", type, extents, numbers);
      case dtype::uint64: return copy<std::uint64_t>(t.uint64_data(), "uint64_data", type, extents, numbers);
      case dtype::uint32: return copy<std::uint32_t>(t.uint64_data(), "uint64_data", type, extents, numbers);
      case dtype::int32: return copy<std::int32_t>(t.int32_data(), "int32_data", type, extents, numbers);
      case dtype::string: return copy<std::string>(t.string_data(), "string_data", type, extents, numbers);
      default: break;
    }
    if (size_of(type) == 2) return copy<std::uint16_t>(t.int32_data(), "int32_data", type, extents, numbers);
    if (type == dtype::boolean) return copy<bool>(t.int32_data(), "int32_data", type, extents, numbers);
    auto const packed = elements_per_byte(type);
    if (packed == 1) return copy<std::uint8_t>(t.int32_data(), "int32_data", type, extents, numbers);
    check_count(t.int32_data(), "int32_data", type, extents, numbers / packed + (numbers % packed != 0));
    auto result = allocate(type, extents);
    unpack(result, [&](std::size_t i) { return static_cast<unsigned>(t.int32_data(static_cast<int>(i))); });
    return result;
  }

  template <typename Field>
  static void check_count(Field const& field, std::string_view what, dtype type, shape const& extents,
                          std::size_t expected) {
    if (static_cast<std::size_t>(field.size()) != expected)
      fail(error_code::malformed_model, "{} has {} entries, expected {} for {} of shape {}", what, field.size(),
           expected, name(type), extents);
  }

  template <typename T, typename Field>
  any_tensor copy(Field const& field, std::string_view what, dtype type, shape const& extents, std::size_t expected) {
    check_count(field, what, type, extents, expected);
    auto result = allocate(type, extents);
    auto* out = static_cast<T*>(result.data());
    for (auto const& entry : field) *out++ = static_cast<T>(entry);
    return result;
  }

  // Sparse tensors.

  any_tensor read_sparse(proto::SparseTensorProto const& t) {
    auto const extents = checked_shape(t.dims());
    auto const values = read(t.values()), indices = read(t.indices());
    auto const count = values.elements(), rank = extents.rank();
    bool const linear = indices.shape().rank() == 1;
    shape const expected = linear ? shape{static_cast<std::int64_t>(count)}
                                  : shape{static_cast<std::int64_t>(count), static_cast<std::int64_t>(rank)};
    if (values.shape().rank() != 1 || indices.type() != dtype::int64 || indices.shape() != expected)
      fail(error_code::malformed_model, "{} values of rank {} have indices of {} {}, expected int64 {}", count,
           values.shape().rank(), name(indices.type()), indices.shape(), expected);
    auto result = allocate(values.type(), extents);
    auto const strides = row_major_strides(extents);
    auto const at = indices.as<std::int64_t>();
    for (std::size_t i = 0; i < count; ++i) {
      std::int64_t offset = 0;
      for (std::size_t axis = 0; axis < (linear ? 1 : rank); ++axis) {
        auto const index = linear ? at[i] : at[i * rank + axis];
        auto const extent = linear ? static_cast<std::int64_t>(result.elements()) : extents[axis];
        if (index < 0 || index >= extent)
          fail(error_code::malformed_model, "index {} of a value is outside of 0 to {}", index, extent - 1);
        offset += linear ? index : index * strides[axis];
      }
      copy_element(result, static_cast<std::size_t>(offset), values, i);
    }
    return result;
  }

  static void copy_element(any_tensor& to, std::size_t at, any_tensor const& from, std::size_t i) {
    if (to.type() == dtype::string) {
      static_cast<std::string*>(to.data())[at] = static_cast<std::string const*>(from.data())[i];
      return;
    }
    auto const size = size_of(to.type());
    std::memcpy(static_cast<std::byte*>(to.data()) + at * size, static_cast<std::byte const*>(from.data()) + i * size,
                size);
  }

  byte_source source_;
  external_data external_;
  budget copies_;
  copy_slab slab_;
};

}  // namespace sinter::onnx
