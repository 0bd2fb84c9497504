#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/core/quote.hpp>
#include <sinter/core/tensor.hpp>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sinter::detail {

/// How the text form treats an element of a data type.
enum class text_element { integer, half, bfloat, single, real, text };

constexpr text_element text_element_of(dtype type) {
  switch (type) {
    case dtype::float16: return text_element::half;
    case dtype::bfloat16: return text_element::bfloat;
    case dtype::float32:
    case dtype::complex64: return text_element::single;
    case dtype::float64:
    case dtype::complex128: return text_element::real;
    case dtype::string: return text_element::text;
    default: return text_element::integer;  // floats of a byte or less show their bits
  }
}

/// Numbers that the text form lists for a tensor: one for each element, two for a complex one.
inline std::size_t text_count(any_tensor const& t) {
  return t.elements() * (info(t.type()).kind == dtype_kind::complex ? 2 : 1);
}

/// Calls `f(p)` with `p` a pointer to the storage of number `i` as the integer type of its size and sign.
template <typename Data, typename F>
auto visit_integer(dtype type, Data* data, std::size_t i, F f) {
  using std::is_const_v;
  auto const at = [&]<typename T>(T) {
    using pointer = std::conditional_t<is_const_v<Data>, T const*, T*>;
    return f(static_cast<pointer>(data) + i);
  };
  bool const is_signed = info(type).kind == dtype_kind::signed_integer;
  switch (size_of(type)) {
    case 1: return is_signed ? at(std::int8_t{}) : at(std::uint8_t{});
    case 2: return is_signed ? at(std::int16_t{}) : at(std::uint16_t{});
    case 4: return is_signed ? at(std::int32_t{}) : at(std::uint32_t{});
    default: return is_signed ? at(std::int64_t{}) : at(std::uint64_t{});
  }
}

/// The shortest text that reads back as the same number, always with a point, an exponent or letters.
template <typename Float>
std::string float_text(Float value) {
  if (std::isnan(value)) return std::signbit(value) ? "-nan" : "nan";
  auto text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

/// Number `i` of a tensor as text.
inline std::string element_text(any_tensor const& t, std::size_t i) {
  switch (text_element_of(t.type())) {
    case text_element::half: return fmt::format("{}", half_to_float(static_cast<std::uint16_t const*>(t.data())[i]));
    case text_element::bfloat:
      return fmt::format("{}", bfloat16_to_float(static_cast<std::uint16_t const*>(t.data())[i]));
    case text_element::single: return fmt::format("{}", static_cast<float const*>(t.data())[i]);
    case text_element::real: return fmt::format("{}", static_cast<double const*>(t.data())[i]);
    case text_element::text: return quote(static_cast<std::string const*>(t.data())[i]);
    case text_element::integer: break;
  }
  return visit_integer(t.type(), t.data(), i, [](auto const* p) { return fmt::format("{}", +*p); });
}

/// Writes number `i` of the sequence `random(seed)` of a data type: floats are multiples of 2^-8 in [-1, 1) (so that
/// floating types of 16 bits or more hold them, and short sums of products are exact), integers are uniform in what 8
/// bits (or the type, if narrower) hold. Strings stay as they are.
inline void write_random(dtype type, void* to, std::size_t i, std::uint64_t seed) {
  std::uint64_t bits = (seed + 1) * 0x9e3779b97f4a7c15ULL + i * 0xbf58476d1ce4e5b9ULL;
  bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9ULL;
  bits = (bits ^ bits >> 27) * 0x94d049bb133111ebULL;
  bits ^= bits >> 31;
  float const real = static_cast<float>(bits % 512) / 256 - 1;
  switch (text_element_of(type)) {
    case text_element::half: *static_cast<std::uint16_t*>(to) = float_to_half(real); return;
    case text_element::bfloat: *static_cast<std::uint16_t*>(to) = float_to_bfloat16(real); return;
    case text_element::single: *static_cast<float*>(to) = real; return;
    case text_element::real: *static_cast<double*>(to) = real; return;
    case text_element::text: return;
    case text_element::integer: break;
  }
  std::uint64_t range = 256;
  if (type == dtype::boolean) range = 2;
  if (type == dtype::uint2 || type == dtype::int2) range = 4;
  if (type == dtype::uint4 || type == dtype::int4 || type == dtype::float4e2m1) range = 16;
  bool const is_signed = info(type).kind == dtype_kind::signed_integer;
  auto const number = static_cast<std::int64_t>(bits % range) - (is_signed ? static_cast<std::int64_t>(range / 2) : 0);
  visit_integer(type, to, 0, [&](auto* p) { *p = static_cast<std::remove_pointer_t<decltype(p)>>(number); });
}

/// Bytes of one number as `text_count` counts them.
inline std::size_t text_width(dtype type) { return size_of(type) / (info(type).kind == dtype_kind::complex ? 2 : 1); }

inline constexpr std::uint64_t text_seeds = 256;  ///< seeds that print recognises: 0 up to this

/// The seed of which the numbers of `t` are the sequence, if there is one.
inline std::optional<std::uint64_t> find_seed(any_tensor const& t) {
  if (!is_plain(t.type())) return std::nullopt;
  auto const count = text_count(t), width = text_width(t.type());
  auto const* const bytes = static_cast<std::byte const*>(t.data());
  for (std::uint64_t seed = 0; seed < text_seeds; ++seed) {
    std::size_t i = 0;
    for (; i < count; ++i) {
      std::uint64_t number = 0;
      write_random(t.type(), &number, i, seed);
      if (std::memcmp(bytes + i * width, &number, width) != 0) break;
    }
    if (i == count) return seed;
  }
  return std::nullopt;
}

}  // namespace sinter::detail
