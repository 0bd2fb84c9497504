#pragma once

#include <sinter/expr/transcendental.hpp>

#include <limits>

/// a^b as e^(b*log(a)), the logarithm as a sum of two floats.
namespace sinter::expr::detail {

/// The unevaluated sum high + low, low below half a unit in the last place of high.
struct double_float {
  value high;
  value low;
};

/// |a| >= |b| or a = 0.
inline double_float fast_sum(value const& a, value const& b) {
  auto const high = a + b;
  return {high, b - (high - a)};
}

/// log(x) of a positive finite x, to about 2^-30 relative: log(m) = 2s + s^3*r(s^2), s = (m - 1) / (m + 1).
inline double_float log_in_two(value const& x) {
  auto const [e, m] = reduce_log(x);
  auto const f = m - 1.0f;
  auto const d = fast_sum(m, 1.0f);
  auto const d_low = select(m > 1.0f, d.low, m - (d.high - 1.0f));
  auto const s = f / d.high;
  auto const s_low = (fma(-0.0f - s, d.high, f) - s * d_low) / d.high;
  auto const z = s * s;
  auto const tail = polynomial(z, {0x1.d1f0ccp-3f, 0x1.24925p-2f, 0x1.99999ap-2f, 0x1.555556p-1f});
  auto const low = fma(2.0f, s_low, fma(z * s, tail, e * -0x1.bd0106p-13f));
  auto const sum = fast_sum(e * 0x1.63p-1f, 2.0f * s);
  return fast_sum(sum.high, sum.low + low);
}

/// e^(b*log(a)) for positive finite a.
inline value power_of_positive(value const& a, value const& b) {
  auto const l = log_in_two(a);
  auto const product = b * l.high;
  auto const error = fma(b, l.high, -0.0f - product) + b * l.low;
  auto const [n, r] = reduce_exp(clamp(-104, 89, product));
  auto const y = scale_far(exp_of_reduced(r + error), n);
  return select(product > 89.0f, infinity, select(product < -104.0f, 0.0f, y));
}

/// Any exponent; the special values of IEEE 754 pow.
inline value general_pow(value const& a, value const& b) {
  auto const magnitude = max(0.0f - a, a) + 0.0f;
  auto const finite = power_of_positive(magnitude, b);
  auto const at_zero = select(b > 0.0f, 0.0f, infinity);
  auto const at_infinity = select(b > 0.0f, infinity, 0.0f);
  auto const of_magnitude = select(magnitude == 0.0f, at_zero, select(magnitude == infinity, at_infinity, finite));
  auto const integral = floor(b) == b;
  auto const half = b * 0.5f;
  auto const odd = select(floor(half) == half, 1.0f, -1.0f);
  auto const sign = select(integral, odd, std::numeric_limits<float>::quiet_NaN());
  // Only a finite negative base with a fractional exponent has no result; zero and infinity take |a|^b then.
  auto const fallback = select(magnitude == 0.0f, 1.0f, select(magnitude == infinity, 1.0f, sign));
  auto const factor = select(integral, odd, fallback);
  auto const negative = select(min(a, 1.0f / a) < 0.0f, of_magnitude * factor, of_magnitude);
  auto const infinite =
      select(magnitude == 1.0f, 1.0f,
             select((magnitude > 1.0f), select(b > 0.0f, infinity, 0.0f), select(b > 0.0f, 0.0f, infinity)));
  auto const ordered = select(max(0.0f - b, b) == infinity, infinite, negative);
  auto const with_nan = select(a != a, a, select(b != b, b, ordered));
  return select(b == 0.0f, 1.0f, select(a == 1.0f, 1.0f, with_nan));
}

inline value expanded_pow(value const& a, value const& b) {
  auto const& line = b.get().line;
  if (line.code == op::constant) {
    if (line.value == 1.0f) return a;
    if (line.value == 2.0f) return a * a;
    if (line.value == 3.0f) return a * a * a;
    if (line.value == -1.0f) return 1.0f / a;
    if (line.value == -2.0f) return 1.0f / (a * a);
    if (line.value == 0.5f) return select(a == -infinity, infinity, sqrt(a + 0.0f));
  }
  return general_pow(a, b);
}

}  // namespace sinter::expr::detail
