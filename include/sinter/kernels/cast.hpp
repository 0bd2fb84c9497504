#pragma once

#include <sinter/kernels/broadcast.hpp>
#include <sinter/kernels/text_number.hpp>

#include <algorithm>
#include <cstring>
#include <string>

namespace sinter::kernels {

inline small_float const* small_float_of(dtype type) {
  switch (type) {
    case dtype::float8e4m3fn: return &float8e4m3fn_format;
    case dtype::float8e4m3fnuz: return &float8e4m3fnuz_format;
    case dtype::float8e5m2: return &float8e5m2_format;
    case dtype::float8e5m2fnuz: return &float8e5m2fnuz_format;
    default: return nullptr;
  }
}

inline void cast_from_strings(tensor_view in, mutable_tensor_view out) {
  auto const strings = in.as<std::string>();
  for (std::size_t i = 0; i < strings.size(); ++i) {
    auto const integer = is_floating(out.type) ? std::nullopt : parse_integer(strings[i]);
    auto const real = integer ? std::nullopt : parse_double(strings[i]);
    if (integer)
      store<std::int64_t>(out.type, out.data, i, *integer);
    else if (real)
      store<double>(out.type, out.data, i, *real);
    else
      throw error(error_code::invalid_argument,
                  "'" + strings[i] + "' is no number and cannot be cast to " + std::string(name(out.type)));
  }
}

inline void cast_to_strings(tensor_view in, mutable_tensor_view out) {
  auto const strings = out.as<std::string>();
  for (std::size_t i = 0; i < strings.size(); ++i) {
    if (in.type == dtype::float64)
      strings[i] = number_text(load<double>(in.type, in.data, i));
    else if (is_floating(in.type))
      strings[i] = number_text(load<float>(in.type, in.data, i));
    else if (in.type == dtype::uint64)
      strings[i] = std::to_string(load<std::uint64_t>(in.type, in.data, i));
    else
      strings[i] = std::to_string(load<std::int64_t>(in.type, in.data, i));
  }
}

/// Converts all elements; floating to integer goes towards zero, integers wrap. Numbers: whether floating types of
/// eight bits saturate, how e8m0 rounds. The only kernel that fails by an exception, for strings that are no numbers.
inline status cast(call const& c) {
  auto const in = c.in[0];
  auto const out = c.out[0];
  if (in.type == dtype::string || out.type == dtype::string) {
    if (c.memory.measuring()) return {};
    if (in.type == out.type)
      std::ranges::copy(in.as<std::string>(), out.as<std::string>().begin());
    else if (in.type == dtype::string)
      cast_from_strings(in, out);
    else
      cast_to_strings(in, out);
    return {};
  }
  if (in.type == out.type) {
    if (!c.memory.measuring()) std::memcpy(out.data, in.data, in.bytes());
    return {};
  }
  auto const* small = small_float_of(out.type);
  if (!small && out.type != dtype::float8e8m0)
    return visit_compute(in.type, [&]<typename T>() {
      auto const each = [](T* y, T const* const* x, std::size_t n) { std::copy_n(x[0], n, y); };
      return map_blocks<T>(c.in, out, c.memory, each);
    });
  compute_kind_of(in.type);
  if (c.memory.measuring()) return {};
  bool const saturate = c.integers[0] != 0;
  auto const rounding = static_cast<e8m0_rounding>(c.integers[1]);
  auto* const codes = static_cast<std::uint8_t*>(out.data);
  auto const count = in.elements();
  for (std::size_t i = 0; i < count; ++i) {
    auto const value = load<float>(in.type, in.data, i);
    codes[i] = small ? encode(*small, value, saturate) : encode_e8m0(value, rounding, saturate);
  }
  return {};
}

}  // namespace sinter::kernels
