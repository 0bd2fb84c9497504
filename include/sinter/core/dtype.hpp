#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sinter {

/// Element type of a tensor. The numbers are those of ONNX's TensorProto.DataType.
enum class dtype : std::uint8_t {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  complex64 = 14,
  complex128 = 15,
  bfloat16 = 16,
  float8e4m3fn = 17,
  float8e4m3fnuz = 18,
  float8e5m2 = 19,
  float8e5m2fnuz = 20,
  uint4 = 21,
  int4 = 22,
  float4e2m1 = 23,
  float8e8m0 = 24,
  uint2 = 25,
  int2 = 26
};

inline constexpr int dtype_count = 27;

enum class dtype_kind : std::uint8_t { none, floating, signed_integer, unsigned_integer, boolean, string, complex };

/// What a data type is: its name as ONNX spells it in lower case, and its size in memory in bytes. Types of less than
/// a byte take one byte an element in memory (they are unpacked on import); a string element is a `std::string`.
struct dtype_info {
  std::string_view name;
  std::size_t bytes;
  dtype_kind kind;
};

/// Indexed by `dtype`.
inline constexpr std::array<dtype_info, dtype_count> dtype_table{{
    {"undefined", 0, dtype_kind::none},
    {"float", 4, dtype_kind::floating},
    {"uint8", 1, dtype_kind::unsigned_integer},
    {"int8", 1, dtype_kind::signed_integer},
    {"uint16", 2, dtype_kind::unsigned_integer},
    {"int16", 2, dtype_kind::signed_integer},
    {"int32", 4, dtype_kind::signed_integer},
    {"int64", 8, dtype_kind::signed_integer},
    {"string", sizeof(std::string), dtype_kind::string},
    {"bool", 1, dtype_kind::boolean},
    {"float16", 2, dtype_kind::floating},
    {"double", 8, dtype_kind::floating},
    {"uint32", 4, dtype_kind::unsigned_integer},
    {"uint64", 8, dtype_kind::unsigned_integer},
    {"complex64", 8, dtype_kind::complex},
    {"complex128", 16, dtype_kind::complex},
    {"bfloat16", 2, dtype_kind::floating},
    {"float8e4m3fn", 1, dtype_kind::floating},
    {"float8e4m3fnuz", 1, dtype_kind::floating},
    {"float8e5m2", 1, dtype_kind::floating},
    {"float8e5m2fnuz", 1, dtype_kind::floating},
    {"uint4", 1, dtype_kind::unsigned_integer},
    {"int4", 1, dtype_kind::signed_integer},
    {"float4e2m1", 1, dtype_kind::floating},
    {"float8e8m0", 1, dtype_kind::floating},
    {"uint2", 1, dtype_kind::unsigned_integer},
    {"int2", 1, dtype_kind::signed_integer},
}};

constexpr dtype_info const& info(dtype type) { return dtype_table[static_cast<std::size_t>(type)]; }
constexpr std::string_view name(dtype type) { return info(type).name; }
constexpr std::size_t size_of(dtype type) { return info(type).bytes; }
constexpr bool is_floating(dtype type) { return info(type).kind == dtype_kind::floating; }
constexpr bool is_integer(dtype type) {
  return info(type).kind == dtype_kind::signed_integer || info(type).kind == dtype_kind::unsigned_integer;
}

/// The data type of a C++ type; `undefined` for those that no data type stores.
template <typename T>
inline constexpr dtype dtype_of = dtype::undefined;
template <>
inline constexpr dtype dtype_of<float> = dtype::float32;
template <>
inline constexpr dtype dtype_of<double> = dtype::float64;
template <>
inline constexpr dtype dtype_of<std::int8_t> = dtype::int8;
template <>
inline constexpr dtype dtype_of<std::int16_t> = dtype::int16;
template <>
inline constexpr dtype dtype_of<std::int32_t> = dtype::int32;
template <>
inline constexpr dtype dtype_of<std::int64_t> = dtype::int64;
template <>
inline constexpr dtype dtype_of<std::uint8_t> = dtype::uint8;
template <>
inline constexpr dtype dtype_of<std::uint16_t> = dtype::uint16;
template <>
inline constexpr dtype dtype_of<std::uint32_t> = dtype::uint32;
template <>
inline constexpr dtype dtype_of<std::uint64_t> = dtype::uint64;
template <>
inline constexpr dtype dtype_of<bool> = dtype::boolean;
template <>
inline constexpr dtype dtype_of<std::string> = dtype::string;

/// A type whose values a tensor can hold.
template <typename T>
concept tensor_element = dtype_of<T>
!= dtype::undefined;

}  // namespace sinter
