#pragma once

#include <sinter/core/tensor.hpp>

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace sinter::onnx {

namespace proto = ::ONNX_NAMESPACE;

namespace detail {

/// Elements of less than a byte, which take one each in memory, `in_byte` to a byte: first in the lowest bits.
inline std::string packed_elements(any_tensor const& t, std::size_t in_byte) {
  std::string bytes((t.elements() + in_byte - 1) / in_byte, '\0');
  auto const bits = 8 / in_byte, mask = (std::size_t{1} << bits) - 1;
  auto const* const from = static_cast<std::uint8_t const*>(t.data());
  for (std::size_t i = 0; i < t.elements(); ++i)
    bytes[i / in_byte] =
        static_cast<char>(static_cast<std::uint8_t>(bytes[i / in_byte]) | (from[i] & mask) << (i % in_byte * bits));
  return bytes;
}

inline std::size_t elements_in_byte(dtype type) {
  if (type == dtype::uint4 || type == dtype::int4 || type == dtype::float4e2m1) return 2;
  return type == dtype::uint2 || type == dtype::int2 ? 4 : 1;
}

}  // namespace detail

/// Fills a message with a tensor. Errors: unsupported_feature for sequences, optionals and maps; io.
inline void write_tensor(proto::TensorProto& message, std::string const& name, any_tensor const& t) {
  if (is_container(t.type()))
    fail(error_code::unsupported_feature, "the constant '{}' is no tensor and cannot be written", name);
  message.set_name(name);
  message.set_data_type(static_cast<std::int32_t>(t.type()));
  for (auto const extent : t.shape()) message.add_dims(extent);
  if (t.type() == dtype::string) {
    for (auto const& text : t.as<std::string>()) message.add_string_data(text);
    return;
  }
  auto& raw = *message.mutable_raw_data();
  if (auto const in_byte = detail::elements_in_byte(t.type()); in_byte > 1) {
    raw = detail::packed_elements(t, in_byte);
    return;
  }
  raw.resize(t.bytes());
  t.read(0, {reinterpret_cast<std::byte*>(raw.data()), raw.size()});
}

}  // namespace sinter::onnx
