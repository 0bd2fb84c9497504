#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/core/failure.hpp>
#include <sinter/core/float16.hpp>
#include <sinter/kernels/small_float.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace sinter {

/// The types in which plain loops compute; elements of all other types are converted on load and store.
template <typename T>
concept compute_type = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int64_t> ||
    std::same_as<T, std::uint64_t>;

/// Which compute type holds every value of `type`: double for double, float for the other floating types, uint64_t for
/// uint64, int64_t for all other integers and bool.
enum class compute_kind : std::uint8_t { float32, float64, int64, uint64 };

[[noreturn]] inline void refuse_arithmetic(dtype type) {
  throw error(error_code::unsupported_feature, "the element type " + std::string(name(type)) + " has no arithmetic");
}

inline compute_kind compute_kind_of(dtype type) {
  switch (info(type).kind) {
    case dtype_kind::floating: return type == dtype::float64 ? compute_kind::float64 : compute_kind::float32;
    case dtype_kind::signed_integer:
    case dtype_kind::boolean: return compute_kind::int64;
    case dtype_kind::unsigned_integer: return type == dtype::uint64 ? compute_kind::uint64 : compute_kind::int64;
    default: refuse_arithmetic(type);
  }
}

/// Calls `body.template operator()<T>()` with the compute type of `type`.
template <typename Body>
decltype(auto) visit_compute(dtype type, Body&& body) {
  switch (compute_kind_of(type)) {
    case compute_kind::float64: return body.template operator()<double>();
    case compute_kind::int64: return body.template operator()<std::int64_t>();
    case compute_kind::uint64: return body.template operator()<std::uint64_t>();
    default: return body.template operator()<float>();
  }
}

/// As `visit_compute` for floating types only; others are an error.
template <typename Body>
decltype(auto) visit_floating(dtype type, Body&& body) {
  if (!is_floating(type))
    throw error(error_code::unsupported_feature, "expected a floating element type, got " + std::string(name(type)));
  if (type == dtype::float64) return body.template operator()<double>();
  return body.template operator()<float>();
}

/// A floating value as an integer: towards zero; what fits in no 64 bits, and NaN, gives INT64_MIN.
template <std::floating_point T>
std::int64_t truncate_to_int64(T value) {
  return value >= T(-0x1p63) && value < T(0x1p63) ? static_cast<std::int64_t>(value) : INT64_MIN;
}

/// `value` as `To`; integers wrap.
template <typename To, compute_type From>
To convert(From value) {
  if constexpr (std::same_as<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if constexpr (std::same_as<To, std::uint64_t>)
      if (value >= From(0x1p63) && value < From(0x1p64)) return static_cast<std::uint64_t>(value);
    return static_cast<To>(truncate_to_int64(value));
  } else {
    return static_cast<To>(value);
  }
}

namespace detail {

struct half_codec {
  using storage = std::uint16_t;
  static float decode(storage s) { return half_to_float(s); }
  static storage encode(float v) { return float_to_half(v); }
};
struct bfloat_codec {
  using storage = std::uint16_t;
  static float decode(storage s) { return bfloat16_to_float(s); }
  static storage encode(float v) { return float_to_bfloat16(v); }
};
template <small_float const& Format>
struct small_float_codec {
  using storage = std::uint8_t;
  static float decode(storage s) { return sinter::decode(Format, s); }
  static storage encode(float v) { return sinter::encode(Format, v); }
};
struct e8m0_codec {
  using storage = std::uint8_t;
  static float decode(storage s) { return decode_e8m0(s); }
  static storage encode(float v) { return encode_e8m0(v); }
};
template <typename T>
struct plain_codec {
  using storage = T;
};
/// Integers of `Bits` bits, one a byte, sign-extended.
template <int Bits, typename T>
struct narrow_codec {
  using storage = T;
  static T wrap(T value) {
    constexpr int spare = 8 - Bits;
    return static_cast<T>(static_cast<T>(static_cast<std::uint8_t>(value) << spare) >> spare);
  }
};

template <typename Body>
void visit_codec(dtype type, Body&& body) {
  switch (type) {
    case dtype::float32: return body(plain_codec<float>{});
    case dtype::float64: return body(plain_codec<double>{});
    case dtype::int8: return body(plain_codec<std::int8_t>{});
    case dtype::int16: return body(plain_codec<std::int16_t>{});
    case dtype::int32: return body(plain_codec<std::int32_t>{});
    case dtype::int64: return body(plain_codec<std::int64_t>{});
    case dtype::uint8: return body(plain_codec<std::uint8_t>{});
    case dtype::uint16: return body(plain_codec<std::uint16_t>{});
    case dtype::uint32: return body(plain_codec<std::uint32_t>{});
    case dtype::uint64: return body(plain_codec<std::uint64_t>{});
    case dtype::boolean: return body(plain_codec<bool>{});
    case dtype::float16: return body(half_codec{});
    case dtype::bfloat16: return body(bfloat_codec{});
    case dtype::float8e4m3fn: return body(small_float_codec<float8e4m3fn_format>{});
    case dtype::float8e4m3fnuz: return body(small_float_codec<float8e4m3fnuz_format>{});
    case dtype::float8e5m2: return body(small_float_codec<float8e5m2_format>{});
    case dtype::float8e5m2fnuz: return body(small_float_codec<float8e5m2fnuz_format>{});
    case dtype::float4e2m1: return body(small_float_codec<float4e2m1_format>{});
    case dtype::float8e8m0: return body(e8m0_codec{});
    case dtype::uint4: return body(narrow_codec<4, std::uint8_t>{});
    case dtype::int4: return body(narrow_codec<4, std::int8_t>{});
    case dtype::uint2: return body(narrow_codec<2, std::uint8_t>{});
    case dtype::int2: return body(narrow_codec<2, std::int8_t>{});
    default: refuse_arithmetic(type);
  }
}

template <compute_type T, typename Codec>
T load_element(Codec, void const* data, std::size_t i) {
  auto const stored = static_cast<typename Codec::storage const*>(data)[i];
  if constexpr (requires { Codec::decode(stored); })
    return convert<T>(Codec::decode(stored));
  else if constexpr (std::floating_point<typename Codec::storage>)
    return convert<T>(stored);
  else
    return static_cast<T>(stored);
}

template <compute_type T, typename Codec>
void store_element(Codec, void* data, std::size_t i, T value) {
  using storage = typename Codec::storage;
  auto& to = static_cast<storage*>(data)[i];
  if constexpr (requires { Codec::encode(0.0f); })
    to = Codec::encode(static_cast<float>(value));
  else if constexpr (requires { Codec::wrap(storage{}); })
    to = Codec::wrap(convert<storage>(value));
  else
    to = convert<storage>(value);
}

}  // namespace detail

/// Element `i` of dense data of type `type`, converted. Strings and complex numbers are an error.
template <compute_type T>
T load(dtype type, void const* data, std::size_t i) {
  if (type == dtype_of<T>) return static_cast<T const*>(data)[i];
  T value{};
  detail::visit_codec(type, [&](auto codec) { value = detail::load_element<T>(codec, data, i); });
  return value;
}

/// Converts `value` to element `i` of dense data of type `type`: floating types round to even, integers wrap, floating
/// types of eight bits saturate.
template <compute_type T>
void store(dtype type, void* data, std::size_t i, T value) {
  if (type == dtype_of<T>)
    static_cast<T*>(data)[i] = value;
  else
    detail::visit_codec(type, [&](auto codec) { detail::store_element<T>(codec, data, i, value); });
}

/// `count` elements from element `first` on, `stride` elements apart.
template <compute_type T>
void load_run(dtype type, void const* data, std::size_t first, std::ptrdiff_t stride, std::size_t count, T* to) {
  if (stride == 0) {
    std::fill_n(to, count, count ? load<T>(type, data, first) : T{});
    return;
  }
  detail::visit_codec(type, [&](auto codec) {
    auto at = static_cast<std::ptrdiff_t>(first);
    for (std::size_t i = 0; i < count; ++i, at += stride)
      to[i] = detail::load_element<T>(codec, data, static_cast<std::size_t>(at));
  });
}

/// `count` elements to element `first` and on.
template <compute_type T>
void store_run(dtype type, void* data, std::size_t first, std::size_t count, T const* from) {
  detail::visit_codec(type, [&](auto codec) {
    for (std::size_t i = 0; i < count; ++i) detail::store_element<T>(codec, data, first + i, from[i]);
  });
}

}  // namespace sinter
