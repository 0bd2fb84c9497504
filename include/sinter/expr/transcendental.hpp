#pragma once

#include <sinter/expr/expression.hpp>

#include <initializer_list>
#include <limits>

/// Functions as macros over primitive operations; polynomials are minimax fits made for this library. min and max have
/// the constant first, so that a NaN passes. See `expand` for errors and special values.
namespace sinter::expr {

/// e^x for x <= 88, 0 where that is below 2^-126.
value exp_flushed(value const& x);

namespace detail {

inline constexpr float infinity = std::numeric_limits<float>::infinity();

/// Coefficients by falling power.
inline value polynomial(value const& x, std::initializer_list<float> coefficients) {
  value p = *coefficients.begin();
  for (auto c = coefficients.begin() + 1; c != coefficients.end(); ++c) p = fma(p, x, *c);
  return p;
}

inline value clamp(float low, float high, value const& x) { return min(high, max(low, x)); }

/// x = n*ln2 + r with integral n and |r| <= ln2/2.
struct exp_argument {
  value n;
  value r;
};
inline exp_argument reduce_exp(value const& x) {
  auto const n = round(x * 0x1.715476p+0f);
  return {n, fma(n, -0x1.7f7d1cp-20f, fma(n, -0x1.62e4p-1f, x))};
}

/// (e^r - 1 - r) / r^2 for |r| <= ln2/2.
inline value exp_tail(value const& r) {
  return polynomial(r, {0x1.6a21a8p-10f, 0x1.123b6ap-7f, 0x1.5558fcp-5f, 0x1.55549p-3f, 0x1.fffffcp-2f});
}
inline value exp_of_reduced(value const& r) { return fma(fma(exp_tail(r), r, 1.0f), r, 1.0f); }

/// a * 2^n for integral n in -252..254.
inline value scale_far(value const& a, value const& n) {
  auto const half = floor(n * 0.5f);
  return scale2(scale2(a, half), n - half);
}

inline value expanded_exp(value const& x) {
  auto const [n, r] = reduce_exp(clamp(-104, 89, x));
  return scale_far(exp_of_reduced(r), n);
}

/// e^x for -87.3 <= x <= 88; arguments outside are moved there.
inline value exp_normal(value const& x) {
  auto const [n, r] = reduce_exp(clamp(-0x1.5d589ep+6f, 88, x));
  return scale2(exp_of_reduced(r), n);
}

inline value expanded_sigmoid(value const& x) {
  auto const e = exp_flushed(x);
  return e / (1.0f + e);
}

/// t / (t + 2) with t = e^(2x) - 1.
inline value expanded_tanh(value const& x) {
  auto const [n, r] = reduce_exp(2.0f * clamp(-9.02f, 9.02f, x));
  auto const power = scale2(1.0f, n);
  auto const t = fma(power, fma(r * r, exp_tail(r), r), power - 1.0f);
  return select(x == 0.0f, x, t / (t + 2.0f));
}

/// x * p(x^2), p a polynomial in x^2 scaled to [-1, 1] for |x| <= 3.68; beyond, it exceeds 1 / |x|.
inline value expanded_erf(value const& x) {
  auto const scaled = fma(x * x, 0x1.2e751cp-3f, -1.0f);
  auto const p = polynomial(scaled, {0x1.4b1118p-11f, -0x1.b0c43ap-10f, 0x1.9961fp-10f, -0x1.5df136p-9f, 0x1.fccb88p-8f,
                                     -0x1.dcbb48p-7f, 0x1.732a1ep-6f, -0x1.1e8b96p-5f, 0x1.a539acp-5f, -0x1.1f3ee8p-4f,
                                     0x1.725aep-4f, -0x1.ce61eep-4f, 0x1.2197e4p-3f, -0x1.881abcp-3f, 0x1.896db2p-2f});
  return clamp(-1, 1, x * p);
}

/// x = m * 2^e with m in [sqrt(1/2), sqrt(2)], for positive x.
struct log_argument {
  value e;
  value m;
};
inline log_argument reduce_log(value const& x) {
  auto const subnormal = x < 0x1p-126f;
  auto const normal = select(subnormal, x * 0x1p24f, x);
  auto const e = exponent(normal) - select(subnormal, 24.0f, 0.0f);
  auto const m = mantissa(normal);
  auto const upper = m > 0x1.6a09e6p+0f;
  return {select(upper, e + 1.0f, e), select(upper, m * 0.5f, m)};
}

inline value expanded_log(value const& x) {
  auto const [e, m] = reduce_log(x);
  auto const f = m - 1.0f;
  auto const square = f * f;
  auto const cubic = polynomial(f, {0x1.14c9a4p-4f, -0x1.deffd2p-4f, 0x1.e728b8p-4f, -0x1.fc07ccp-4f, 0x1.23322ap-3f,
                                    -0x1.555cccp-3f, 0x1.99a4f6p-3f, -0x1.000006p-2f, 0x1.555546p-2f});
  auto const low = fma(-0.5f, square, fma(e, -0x1.bd0106p-13f, square * f * cubic));
  auto const r = fma(e, 0x1.63p-1f, f + low);
  auto const special = select(x == 0.0f, -infinity, std::numeric_limits<float>::quiet_NaN());
  return select(x > 0.0f, select(x < infinity, r, x), special);
}

/// sin(x + turns*pi/2): x = q*pi/2 + r, then sine or cosine of r by the quadrant.
inline value sine(value const& x, float turns) {
  auto const q = round(x * 0x1.45f306p-1f);
  auto const exact = fma(q, 0x1.ee59dap-50f, fma(q, 0x1.777a5cp-25f, fma(q, -0x1.921fb6p+0f, x)));
  auto const r = clamp(-0.7864f, 0.7864f, exact);
  auto const z = r * r;
  auto const s = fma(r * z, polynomial(z, {-0x1.994a4cp-13f, 0x1.110754p-7f, -0x1.555546p-3f}), r);
  auto const c = fma(z * z, polynomial(z, {0x1.99fe66p-16f, -0x1.6c0c7ep-10f, 0x1.55554ap-5f}), fma(z, -0.5f, 1.0f));
  auto const turned = q + turns;
  auto const quadrant = turned - 4.0f * floor(turned * 0.25f);
  auto const half = select(quadrant >= 2.0f, quadrant - 2.0f, quadrant);
  auto const y = select(half == 1.0f, c, s);
  return select(quadrant >= 2.0f, -0.0f - y, y);
}
inline value expanded_sin(value const& x) { return select(x == 0.0f, x, sine(x, 0.0f)); }
inline value expanded_cos(value const& x) { return sine(x, 1.0f); }

/// To the nearest multiple of 2^(exponent - 10), of 2^-24 for small x; what is too large becomes infinity.
inline value expanded_round_half(value const& x) {
  auto const magnitude = clamp(0x1p-14f, 65536.0f, max(0.0f - x, x));
  auto const unit = exponent(magnitude) - 10.0f;
  auto const r = scale2(round(scale2(x, 0.0f - unit)), unit);
  return select(max(0.0f - r, r) >= 65536.0f, r * infinity, r);
}

/// To the nearest multiple of 2^(exponent - 7), of 2^-133 for small x: the sum with 1.5 * 2^(exponent + 16) has that
/// unit in the last place. Large x are scaled down first, so that the sum is finite.
inline value expanded_round_bfloat16(value const& x) {
  auto const large = max(0.0f - x, x) >= 0x1p64f;
  auto const y = select(large, x * 0x1p-64f, x);
  auto const turn = scale2(1.5f, exponent(clamp(0x1p-126f, 0x1p64f, max(0.0f - y, y))) + 16.0f);
  auto const rounded = (y + turn) - turn;
  auto const r = select(large, rounded * 0x1p64f, rounded);
  return select(r == 0.0f, x * 0.0f, r);
}

}  // namespace detail

inline value exp_flushed(value const& x) { return select(x < -0x1.5d589ep+6f, 0.0f, detail::exp_normal(x)); }

}  // namespace sinter::expr
