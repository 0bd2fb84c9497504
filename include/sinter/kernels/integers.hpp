#pragma once

#include <sinter/core/compare.hpp>
#include <sinter/kernels/broadcast.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// Elementwise kernels on integers and bool, and those whose operands and result differ in type. Integers are computed
/// in 64 bits and wrap; narrower types wrap when they are stored.
namespace sinter::kernels {

/// Calls `body.template operator()<T>()` with int64_t or, for uint64, uint64_t.
template <typename Body>
decltype(auto) visit_integers(dtype type, Body&& body) {
  auto const kind = compute_kind_of(type);
  if (kind == compute_kind::float32 || kind == compute_kind::float64)
    throw error(error_code::unsupported_feature, "expected integers, got " + std::string(name(type)));
  return kind == compute_kind::uint64 ? body.template operator()<std::uint64_t>()
                                      : body.template operator()<std::int64_t>();
}

struct sum {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
};
struct difference {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
  }
};
struct product {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
};
/// Towards zero; 0 for a division by zero.
struct quotient {
  template <typename T>
  T operator()(T a, T b) const {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return static_cast<T>(0 - static_cast<std::uint64_t>(a));
    return a / b;
  }
};
struct greatest {
  template <typename T>
  T operator()(T a, T b) const {
    return std::max(a, b);
  }
};
struct least {
  template <typename T>
  T operator()(T a, T b) const {
    return std::min(a, b);
  }
};
struct bits_and {
  template <typename T>
  T operator()(T a, T b) const {
    return a & b;
  }
};
struct bits_or {
  template <typename T>
  T operator()(T a, T b) const {
    return a | b;
  }
};
struct bits_xor {
  template <typename T>
  T operator()(T a, T b) const {
    return a ^ b;
  }
};
/// Shifts; by the width or more, or by a negative count, all bits go: what is left are copies of the sign bit on a
/// shift to the right, else 0.
struct shift_left {
  template <typename T>
  T operator()(T a, T b) const {
    auto const by = static_cast<std::uint64_t>(b);
    return by > 63 ? T(0) : static_cast<T>(static_cast<std::uint64_t>(a) << by);
  }
};
struct shift_right {
  template <typename T>
  T operator()(T a, T b) const {
    auto const by = static_cast<std::uint64_t>(b);
    if (by > 63) return std::cmp_less(a, 0) ? static_cast<T>(-1) : T(0);
    return static_cast<T>(a >> by);
  }
};
/// A negative exponent gives the quotient towards zero: 0 unless the base is 1 or -1.
struct integer_power {
  template <typename T>
  T operator()(T base, T exponent) const {
    if (exponent < 0) {
      if (base == 1) return 1;
      return base == static_cast<T>(-1) ? (exponent % 2 ? base : T(1)) : T(0);
    }
    auto factor = static_cast<std::uint64_t>(base);
    std::uint64_t result = 1;
    for (; exponent > 0; exponent /= 2, factor *= factor)
      if (exponent % 2) result *= factor;
    return static_cast<T>(result);
  }
};
/// x < 0 ? x * slope : x.
struct leak {
  template <typename T>
  T operator()(T x, T slope) const {
    return x < T(0) ? product{}(x, slope) : x;
  }
};

/// out = in[0] ∘ in[1] ∘ …, broadcast.
template <typename Combine>
status fold(call const& c) {
  return visit_integers(c.out[0].type, [&]<typename T>() {
    auto const operands = c.in.size();
    auto const combine = [&](T* y, T const* const* x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) {
        auto result = x[0][i];
        for (std::size_t k = 1; k < operands; ++k) result = Combine{}(result, x[k][i]);
        y[i] = result;
      }
    };
    return map_blocks<T>(c.in, c.out[0], c.memory, combine);
  });
}

struct magnitude {
  template <typename T>
  T operator()(T x) const {
    return x < T(0) ? difference{}(T(0), x) : x;
  }
};
struct negation {
  template <typename T>
  T operator()(T x) const {
    return difference{}(T(0), x);
  }
};
struct sign {
  template <typename T>
  T operator()(T x) const {
    return static_cast<T>((x > T(0)) - (x < T(0)));
  }
};
struct positive_part {
  template <typename T>
  T operator()(T x) const {
    return x > T(0) ? x : T(0);
  }
};
struct complement {
  template <typename T>
  T operator()(T x) const {
    return ~x;
  }
};
/// Of bool.
struct logical_not {
  template <typename T>
  T operator()(T x) const {
    return x == T(0);
  }
};

/// out = f(in[0]).
template <typename Function>
status map(call const& c) {
  return visit_integers(c.out[0].type, [&]<typename T>() {
    auto const each = [](T* y, T const* const* x, std::size_t n) { std::transform(x[0], x[0] + n, y, Function{}); };
    return map_blocks<T>(c.in.first(1), c.out[0], c.memory, each);
  });
}

/// in[0] between in[1] and in[2], either of which may be omitted.
inline status clip_integers(call const& c) {
  return visit_integers(c.out[0].type, [&]<typename T>() {
    auto low = std::numeric_limits<T>::lowest(), high = std::numeric_limits<T>::max();
    if (auto const v = c.input(1); v && !c.memory.measuring()) low = load<T>(v.type, v.data, 0);
    if (auto const v = c.input(2); v && !c.memory.measuring()) high = load<T>(v.type, v.data, 0);
    auto const bound = [=](T* y, T const* const* x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = std::min(std::max(x[0][i], low), high);
    };
    return map_blocks<T>(c.in.first(1), c.out[0], c.memory, bound);
  });
}

/// Whether in[0] and in[1], numbers or strings, compare so, broadcast. Number: how.
inline status compare_elements(call const& c) {
  auto const test = static_cast<compare>(c.integers[0]);
  if (c.in[0].type != dtype::string)
    return visit_compute(c.in[0].type, [&]<typename T>() {
      auto const each = [=](T* y, T const* const* x, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) y[i] = T(holds(test, x[0][i], x[1][i]));
      };
      return map_blocks<T>(c.in, c.out[0], c.memory, each);
    });
  if (c.memory.measuring()) return {};
  auto const* a = static_cast<std::string const*>(c.in[0].data);
  auto const* b = static_cast<std::string const*>(c.in[1].data);
  std::array<walk_operand, 2> at{};
  for (std::size_t i = 0; i < 2; ++i) at[i].strides = broadcast_strides(c.in[i].shape, c.out[0].shape);
  strided_walk const walk(c.out[0].shape, at);
  walk.for_each_run([&](std::size_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto const n = static_cast<std::int64_t>(i);
      static_cast<bool*>(c.out[0].data)[first + i] =
          holds(test, a[at[0].offset + n * at[0].stride()], b[at[1].offset + n * at[1].stride()]);
    }
  });
  return {};
}

/// The rest of a division, with the sign of the divisor or, if it truncates, of the dividend; 0 for an integer division
/// by zero.
template <typename T>
T remainder_of(T a, T b, bool truncates) {
  T r{};
  if constexpr (std::is_floating_point_v<T>)
    r = std::fmod(a, b);
  else if (b != 0 && !(std::is_signed_v<T> && b == static_cast<T>(-1)))
    r = a % b;
  return !truncates && r != T(0) && (r < T(0)) != (b < T(0)) ? r + b : r;
}

/// in[0] modulo in[1], broadcast. Number: whether it truncates.
inline status modulo(call const& c) {
  return visit_compute(c.out[0].type, [&]<typename T>() {
    bool const truncates = c.integers[0] != 0;
    auto const each = [=](T* y, T const* const* x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = remainder_of(x[0][i], x[1][i], truncates);
    };
    return map_blocks<T>(c.in, c.out[0], c.memory, each);
  });
}

/// Integers to the power of floats, broadcast.
inline status power_by_reals(call const& c) {
  auto const each = [](double* y, double const* const* x, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] = std::pow(x[0][i], x[1][i]);
  };
  return map_blocks<double>(c.in, c.out[0], c.memory, each);
}

/// Whether the elements of in[0] are NaN.
inline status is_nan(call const& c) {
  return visit_floating(c.in[0].type, [&]<typename T>() {
    auto const each = [](T* y, T const* const* x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = std::isnan(x[0][i]);
    };
    return map_blocks<T>(c.in, c.out[0], c.memory, each);
  });
}

/// Whether the elements of in[0] are infinite. Numbers: whether negative and positive infinities count.
inline status is_infinite(call const& c) {
  return visit_floating(c.in[0].type, [&]<typename T>() {
    bool const negative = c.integers[0] != 0, positive = c.integers[1] != 0;
    auto const each = [=](T* y, T const* const* x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = std::isinf(x[0][i]) && (x[0][i] > 0 ? positive : negative);
    };
    return map_blocks<T>(c.in, c.out[0], c.memory, each);
  });
}

/// A function of the C library, in double.
struct real_function {
  std::string_view name{};  ///< of its operator
  double (*function)(double) = nullptr;
};
inline constexpr real_function real_functions[] = {
    {"Asin", std::asin}, {"Acos", std::acos},   {"Atan", std::atan},   {"Sinh", std::sinh},
    {"Cosh", std::cosh}, {"Asinh", std::asinh}, {"Acosh", std::acosh}, {"Atanh", std::atanh},
};

/// out = f(in[0]) for floating types. Number: which function.
inline status apply_function(call const& c) {
  return visit_floating(c.out[0].type, [&]<typename>() {
    auto const function = real_functions[c.integers[0]].function;
    auto const each = [=](double* y, double const* const* x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = function(x[0][i]);
    };
    return map_blocks<double>(c.in, c.out[0], c.memory, each);
  });
}

}  // namespace sinter::kernels
