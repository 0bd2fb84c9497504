#pragma once

#include <bit>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define SINTER_SIMD [[maybe_unused, gnu::always_inline]] inline

/// The portable registers: arrays of lanes. Part of sinter_simd.hpp.
namespace sinter::simd {
namespace {

enum class element { f32, i32, f16, bf16, s8, u8 };
enum class compare { eq, ne, lt, le, gt, ge };

template <typename T, int W>
struct lanes {
  static constexpr int size = W;
  using value_type = T;
  T at[W];

  lanes() = default;
  explicit lanes(T value) {
    for (auto& lane : at) lane = value;
  }
};

/// The register types of `W` lanes; specialised where there is an instruction set for them.
template <int W>
struct registers {
  using f32 = lanes<float, W>;
  using i32 = lanes<std::int32_t, W>;
};

template <typename R, typename T, int W, typename F>
SINTER_SIMD lanes<R, W> each(lanes<T, W> const& a, F f) {
  lanes<R, W> d;
  for (int l = 0; l < W; ++l) d.at[l] = f(a.at[l]);
  return d;
}
template <typename T, int W, typename F>
SINTER_SIMD lanes<T, W> each(lanes<T, W> const& a, lanes<T, W> const& b, F f) {
  lanes<T, W> d;
  for (int l = 0; l < W; ++l) d.at[l] = f(a.at[l], b.at[l]);
  return d;
}

/// Integers wrap: they are computed without sign.
template <typename T>
using wrapping = std::conditional_t<std::is_same_v<T, float>, float, std::uint32_t>;

#define SINTER_SIMD_OPERATOR(op)                                                                        \
  template <typename T, int W>                                                                          \
  SINTER_SIMD lanes<T, W> operator op(lanes<T, W> const& a, lanes<T, W> const& b) {                     \
    using U = wrapping<T>;                                                                              \
    return each(a, b, [](T x, T y) { return static_cast<T>(static_cast<U>(x) op static_cast<U>(y)); }); \
  }
SINTER_SIMD_OPERATOR(+)
SINTER_SIMD_OPERATOR(-)
SINTER_SIMD_OPERATOR(*)
SINTER_SIMD_OPERATOR(/)
SINTER_SIMD_OPERATOR(&)
SINTER_SIMD_OPERATOR(|)
SINTER_SIMD_OPERATOR(^)
#undef SINTER_SIMD_OPERATOR

template <typename T, int W>
SINTER_SIMD lanes<T, W> min(lanes<T, W> const& a, lanes<T, W> const& b) {
  return each(a, b, [](T x, T y) { return x < y ? x : y; });
}
template <typename T, int W>
SINTER_SIMD lanes<T, W> max(lanes<T, W> const& a, lanes<T, W> const& b) {
  return each(a, b, [](T x, T y) { return x > y ? x : y; });
}
template <int W>
SINTER_SIMD lanes<float, W> sqrt(lanes<float, W> const& a) {
  return each<float>(a, [](float x) { return std::sqrt(x); });
}
template <int W>
SINTER_SIMD lanes<float, W> nearbyint(lanes<float, W> const& a) {
  return each<float>(a, [](float x) { return std::nearbyint(x); });
}
template <int W>
SINTER_SIMD lanes<float, W> floor(lanes<float, W> const& a) {
  return each<float>(a, [](float x) { return std::floor(x); });
}

// Without the instruction each lane is a call of the C library, and one function of them is enough.
#if defined(__x86_64__) && !defined(__FMA__)
#define SINTER_SIMD_FMA [[maybe_unused, gnu::noinline]]
#else
#define SINTER_SIMD_FMA SINTER_SIMD
#endif
template <int W>
SINTER_SIMD_FMA lanes<float, W> multiply_add(lanes<float, W> const& a, lanes<float, W> const& b,
                                             lanes<float, W> const& c) {
  lanes<float, W> d;
  for (int l = 0; l < W; ++l) d.at[l] = std::fma(a.at[l], b.at[l], c.at[l]);
  return d;
}
#undef SINTER_SIMD_FMA
template <int W>
SINTER_SIMD lanes<float, W> negative_multiply_add(lanes<float, W> const& a, lanes<float, W> const& b,
                                                  lanes<float, W> const& c) {
  return multiply_add(each<float>(a, [](float x) { return -x; }), b, c);
}
/// c + the sum of the products of a's four u8 and b's four s8, lane by lane.
template <int W>
SINTER_SIMD lanes<std::int32_t, W> dot4_u8s8(lanes<std::int32_t, W> const& a, lanes<std::int32_t, W> const& b,
                                             lanes<std::int32_t, W> const& c) {
  lanes<std::int32_t, W> d;
  for (int l = 0; l < W; ++l) {
    auto sum = static_cast<std::uint32_t>(c.at[l]);
    for (int k = 0; k < 32; k += 8)
      sum +=
          static_cast<std::uint32_t>(static_cast<std::uint8_t>(a.at[l] >> k) * static_cast<std::int8_t>(b.at[l] >> k));
    d.at[l] = static_cast<std::int32_t>(sum);
  }
  return d;
}
/// c + the sum of the products of the two s16 of a and of b, lane by lane.
template <int W>
SINTER_SIMD lanes<std::int32_t, W> dot2_s16(lanes<std::int32_t, W> const& a, lanes<std::int32_t, W> const& b,
                                            lanes<std::int32_t, W> const& c) {
  lanes<std::int32_t, W> d;
  for (int l = 0; l < W; ++l) {
    auto sum = static_cast<std::uint32_t>(c.at[l]);
    for (int k = 0; k < 32; k += 16)
      sum +=
          static_cast<std::uint32_t>(static_cast<std::int16_t>(a.at[l] >> k) * static_cast<std::int16_t>(b.at[l] >> k));
    d.at[l] = static_cast<std::int32_t>(sum);
  }
  return d;
}
/// The bytes of a, each replaced by that of the 256 bytes of `table` with its number.
template <int W>
SINTER_SIMD lanes<std::int32_t, W> lookup(lanes<std::int32_t, W> const& a, std::byte const* table) {
  return each<std::int32_t>(a, [=](std::int32_t x) {
    std::uint32_t found = 0;
    for (int k = 0; k < 32; k += 8) found |= static_cast<std::uint32_t>(table[x >> k & 0xff]) << k;
    return static_cast<std::int32_t>(found);
  });
}
template <int W>
SINTER_SIMD lanes<float, W> scale2(lanes<float, W> const& a, lanes<float, W> const& n) {
  return each(a, n, [](float x, float e) {
    return x * std::bit_cast<float>(static_cast<std::uint32_t>(static_cast<int>(e) + 127) << 23);
  });
}

template <compare C>
SINTER_SIMD bool holds(float a, float b) {
  switch (C) {
    case compare::eq: return a == b;
    case compare::ne: return a != b;
    case compare::lt: return a < b;
    case compare::le: return a <= b;
    case compare::gt: return a > b;
    case compare::ge: return a >= b;
  }
}
template <compare C, typename T, int W>
SINTER_SIMD lanes<T, W> select(lanes<float, W> const& a, lanes<float, W> const& b, lanes<T, W> const& yes,
                               lanes<T, W> const& no) {
  lanes<T, W> d;
  for (int l = 0; l < W; ++l) d.at[l] = holds<C>(a.at[l], b.at[l]) ? yes.at[l] : no.at[l];
  return d;
}

template <int W>
SINTER_SIMD lanes<std::int32_t, W> shift_left(lanes<std::int32_t, W> const& a, int distance) {
  return each<std::int32_t>(a, [=](std::int32_t x) { return std::int32_t(std::uint32_t(x) << distance); });
}
template <int W>
SINTER_SIMD lanes<std::int32_t, W> shift_right(lanes<std::int32_t, W> const& a, int distance) {
  return each<std::int32_t>(a, [=](std::int32_t x) { return std::int32_t(std::uint32_t(x) >> distance); });
}
template <int W>
SINTER_SIMD lanes<std::int32_t, W> shift_right_signed(lanes<std::int32_t, W> const& a, int distance) {
  return each<std::int32_t>(a, [=](std::int32_t x) { return x >> distance; });
}

/// To even; INT32_MIN for what does not fit.
SINTER_SIMD std::int32_t round_to_i32(float x) {
  return x >= -0x1p31f && x < 0x1p31f ? static_cast<std::int32_t>(std::nearbyint(x)) : INT32_MIN;
}
template <int W>
SINTER_SIMD lanes<std::int32_t, W> to_i32(lanes<float, W> const& a) {
  return each<std::int32_t>(a, [](float x) { return round_to_i32(x); });
}
template <int W>
SINTER_SIMD lanes<float, W> to_f32(lanes<std::int32_t, W> const& a) {
  return each<float>(a, [](std::int32_t x) { return static_cast<float>(x); });
}
template <int W>
SINTER_SIMD lanes<std::int32_t, W> bits(lanes<float, W> const& a) {
  return each<std::int32_t>(a, [](float x) { return std::bit_cast<std::int32_t>(x); });
}
template <int W>
SINTER_SIMD lanes<float, W> floats(lanes<std::int32_t, W> const& a) {
  return each<float>(a, [](std::int32_t x) { return std::bit_cast<float>(x); });
}

template <int W, typename F>
SINTER_SIMD lanes<float, W> butterfly(lanes<float, W> a, F f) {
  for (int s = W / 2; s > 0; s /= 2) {
    auto const u = a;
    for (int l = 0; l < W; ++l) a.at[l] = f(u.at[l], u.at[l ^ s]);
  }
  return a;
}
template <int W>
SINTER_SIMD lanes<float, W> hsum(lanes<float, W> const& a) {
  return butterfly(a, [](float x, float y) { return x + y; });
}
template <int W>
SINTER_SIMD lanes<float, W> hmax(lanes<float, W> const& a) {
  return butterfly(a, [](float x, float y) { return x > y ? x : y; });
}
/// The first half of a's lanes, the second half of b's.
template <int W>
SINTER_SIMD lanes<float, W> halves(lanes<float, W> const& a, lanes<float, W> const& b) {
  lanes<float, W> d;
  for (int l = 0; l < W; ++l) d.at[l] = l < W / 2 ? a.at[l] : b.at[l];
  return d;
}
template <int... Table, typename T, int W>
SINTER_SIMD lanes<T, W> shuffle(lanes<T, W> const& a) {
  constexpr int table[] = {Table...};
  lanes<T, W> d;
  for (int l = 0; l < W; ++l) d.at[l] = a.at[table[l]];
  return d;
}

/// Registers as arrays of lanes and back, for what has no instruction of its own.
template <typename R>
struct lane_array {
  using value_type = typename R::value_type;
  using type = lanes<value_type, static_cast<int>(R::size)>;
  SINTER_SIMD static type split(R const& r) {
    type d;
    r.store_unaligned(d.at);
    return d;
  }
  SINTER_SIMD static R join(type const& d) { return R::load_unaligned(d.at); }
};
template <typename T, int W>
struct lane_array<lanes<T, W>> {
  using value_type = T;
  using type = lanes<T, W>;
  SINTER_SIMD static type split(type const& r) { return r; }
  SINTER_SIMD static type join(type const& d) { return d; }
};

/// Transposes a square of registers in place.
template <typename... R>
SINTER_SIMD void transpose(R&... rows) {
  constexpr int n = sizeof...(R);
  float square[n][n];
  int row = 0;
  ((std::memcpy(square[row++], lane_array<R>::split(rows).at, sizeof square[0])), ...);
  int column = 0;
  auto const take = [&](auto& to) {
    lanes<float, n> d;
    for (int l = 0; l < n; ++l) d.at[l] = square[l][column];
    to = lane_array<std::remove_reference_t<decltype(to)>>::join(d);
    ++column;
  };
  (take(rows), ...);
}

}  // namespace
}  // namespace sinter::simd
