#pragma once

#include <sinter/schedules/winograd_transform.hpp>

#include <array>
#include <cstdint>
#include <vector>

/// F(2,3) and F(4,3) of integers, exact: the rows of G are multiplied by what makes them whole numbers, and
///
///     c y = A^T [(G g) * (B^T d)],  c = 2 of F(2,3), points 0, ±1, infinity; c = 24 of F(4,3), points 0, ±1, ±2,
///     infinity
///
/// is computed modulo 2^32. The inverse of 9 divides c^2 y by 9, a shift of 2 or 6 bits by the rest: y is exact where
/// it fits 30 or 26 bits. Of F(4,3) the values of B^T d, d of 9 bits, and of G g, g of 8, fit 16 bits.
namespace sinter {

/// G of integers, [m+2][3].
inline std::vector<std::array<std::int32_t, 3>> winograd_integer_weights(std::int64_t m) {
  SINTER_ASSERT(m == 2 || m == 4);
  if (m == 2) return {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  return {{6, 0, 0}, {1, 1, 1}, {1, -1, 1}, {1, 2, 4}, {1, -2, 4}, {0, 0, 6}};
}

/// The largest results, in magnitude, that are exact.
constexpr std::int64_t most_of_winograd_integers(std::int64_t m) { return (std::int64_t{1} << (m == 2 ? 29 : 25)) - 1; }

namespace detail {

class winograd_integers : protected winograd_transform<vector::register_type::i32> {
 protected:
  winograd_integers(vector::builder& b, std::int64_t m) : winograd_transform(b, m) {}

  /// x · 2^n
  vector::reg scale(vector::reg x, int n) { return b_.shift(opcode::ishl, x, n); }
};

}  // namespace detail

/// Emits B^T d; see winograd_input_transform.
class winograd_integer_input : detail::winograd_integers {
 public:
  winograd_integer_input(vector::builder& b, std::int64_t m) : winograd_integers(b, m) {}

  template <typename Load>
  winograd_values operator()(Load&& load) {
    if (m_ == 2) return input_of_two(load);
    auto const d1 = load(1), d2 = load(2), d3 = load(3), d4 = load(4);
    auto const even = sub(d4, d2), twice_odd = scale(sub(d3, d1), 1);
    auto const even1 = sub(d4, scale(d2, 2)), odd1 = sub(d3, scale(d1, 2));
    auto const t0 = add(scale(sub(load(0), d2), 2), even);
    auto const t5 = sub(sub(load(5), d3), scale(twice_odd, 1));
    return {t0, add(even1, odd1), sub(even1, odd1), add(even, twice_odd), sub(even, twice_odd), t5};
  }
};

/// Emits c A^T p; see winograd_output_transform.
class winograd_integer_output : detail::winograd_integers {
 public:
  winograd_integer_output(vector::builder& b, std::int64_t m) : winograd_integers(b, m) {
    if (m == 4) inverse_ = b.constant_i32(0x38e38e39);
  }

  /// The first `count` values.
  template <typename Load>
  winograd_values operator()(std::int64_t count, Load&& load) {
    if (m_ == 2) return output_of_two(count, load);
    auto const p1 = load(1), p2 = load(2);
    auto const [sum, difference] = butterfly(p1, p2);
    auto const p3 = load(3), p4 = load(4);
    auto const [sum1, difference1] = butterfly(p3, p4);
    winograd_values y{};
    y[0] = add(sub(sum1, scale(sum, 2)), load(0));
    if (count > 1) y[1] = scale(sub(difference1, scale(difference, 1)), 1);
    if (count > 2) y[2] = scale(sub(sum1, sum), 2);
    if (count > 3) y[3] = scale(add(sub(scale(difference1, 1), difference), load(5)), 2);
    return y;
  }

  /// y of c^2 y.
  vector::reg whole(vector::reg value) {
    if (inverse_) value = b_.binary(opcode::imul, value, inverse_, vector::register_type::i32);
    return b_.shift(opcode::isra, value, m_ == 2 ? 2 : 6);
  }

 private:
  vector::reg inverse_{};
};

}  // namespace sinter
