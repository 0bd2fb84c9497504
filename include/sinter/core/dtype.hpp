#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sinter {

/// Element type of a tensor. The numbers are those of ONNX's TensorProto.DataType. What is no tensor has a type too: a
/// map, and with one bit more (`sequence_of`, `optional_of`) sequences and optionals.
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
  int2 = 26,
  map_int64_float32 = 32,  ///< keys, values
  map_string_float32 = 33
};

inline constexpr int dtype_count = 27;  ///< of tensors

enum class dtype_kind : std::uint8_t {
  none,
  floating,
  signed_integer,
  unsigned_integer,
  boolean,
  string,
  complex,
  container  ///< of tensors or other containers: `any_tensor::items`
};

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

namespace detail {

inline constexpr std::uint8_t sequence_bit = 64, optional_bit = 128;

constexpr std::string_view content_name(std::uint8_t content) {
  if (content < dtype_count) return dtype_table[content].name;
  if (content == static_cast<std::uint8_t>(dtype::map_int64_float32)) return "map.int64.float";
  if (content == static_cast<std::uint8_t>(dtype::map_string_float32)) return "map.string.float";
  return "";
}

/// "optional.sequence.float", and so on, for all numbers that a type can have.
struct dtype_names {
  std::array<std::array<char, 48>, 256> text{};
  std::array<std::size_t, 256> size{};

  constexpr dtype_names() {
    for (unsigned number = 0; number < 256; ++number) {
      if (number & optional_bit) append(number, "optional.");
      if (number & sequence_bit) append(number, "sequence.");
      append(number, content_name(number & (sequence_bit - 1u)));
    }
  }
  constexpr void append(unsigned number, std::string_view part) {
    for (auto const c : part) text[number][size[number]++] = c;
  }
};
inline constexpr dtype_names all_dtype_names;

inline constexpr std::size_t container_bytes = 160;  // of the any_tensor that each item is

inline constexpr auto all_dtypes = [] {
  std::array<dtype_info, 256> all{};
  for (unsigned number = 0; number < 256; ++number)
    all[number] = number < dtype_table.size()
                      ? dtype_table[number]
                      : dtype_info{std::string_view(all_dtype_names.text[number].data(), all_dtype_names.size[number]),
                                   container_bytes, dtype_kind::container};
  return all;
}();

}  // namespace detail

constexpr dtype_info const& info(dtype type) { return detail::all_dtypes[static_cast<std::size_t>(type)]; }
constexpr std::string_view name(dtype type) { return info(type).name; }
constexpr std::size_t size_of(dtype type) { return info(type).bytes; }
constexpr bool is_floating(dtype type) { return info(type).kind == dtype_kind::floating; }
constexpr bool is_integer(dtype type) {
  return info(type).kind == dtype_kind::signed_integer || info(type).kind == dtype_kind::unsigned_integer;
}

/// Whether values of this type are no tensors but sequences, optionals or maps.
constexpr bool is_container(dtype type) { return info(type).kind == dtype_kind::container; }
/// Whether elements are bytes that may be copied as such: no strings, no tensors.
constexpr bool is_plain(dtype type) { return type != dtype::string && !is_container(type); }
constexpr bool is_optional(dtype type) { return (static_cast<std::uint8_t>(type) & detail::optional_bit) != 0; }
constexpr bool is_sequence(dtype type) {
  return !is_optional(type) && (static_cast<std::uint8_t>(type) & detail::sequence_bit) != 0;
}
/// The type of sequences of `item`, which is a tensor's or a map's.
constexpr dtype sequence_of(dtype item) {
  return static_cast<dtype>(static_cast<std::uint8_t>(item) | detail::sequence_bit);
}
/// The type of optionals of `item`, which is no optional.
constexpr dtype optional_of(dtype item) {
  return static_cast<dtype>(static_cast<std::uint8_t>(item) | detail::optional_bit);
}
/// The type of the items of a sequence or optional.
constexpr dtype item_of(dtype container) {
  auto const number = static_cast<std::uint8_t>(container);
  auto const outer = is_optional(container) ? detail::optional_bit : detail::sequence_bit;
  return static_cast<dtype>(number & static_cast<std::uint8_t>(~outer));
}

/// The type of this name, or `undefined`.
constexpr dtype dtype_named(std::string_view spelled) {
  for (unsigned number = 0; number < 256; ++number)
    if (!spelled.empty() && detail::all_dtypes[number].name == spelled) return static_cast<dtype>(number);
  return dtype::undefined;
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
