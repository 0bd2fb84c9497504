#pragma once

#include <sinter/core/error.hpp>
#include <sinter/vector/builder.hpp>

#include <array>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

/// Winograd's minimal filtering F(m,3): m neighbouring outputs of a correlation with three taps from m+2 products.
///
///     y = A^T [(G g) * (B^T d)],  y_i = g_0 d_i + g_1 d_(i+1) + g_2 d_(i+2)
///
/// The points of F(2,3) are 0, 1, -1 and infinity, those of F(4,3) 0, ±√½, ±√2 and infinity: the error of F(4,3) is
/// about half of that with the usual ±1, ±2. A factor that A^T, G and B^T share out among them is free for each point;
/// here it leaves the one-dimensional transforms of F(4,3) with 12 and 11 operations.
/// Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
namespace sinter {

/// B^T is `input` [m+2][m+2], G is `weights` [m+2][3], A^T is `output` [m][m+2].
struct winograd_matrices {
  std::vector<std::vector<double>> input{}, weights{}, output{};
};

/// The matrices of F(2,3) or F(4,3).
inline winograd_matrices matrices_of_winograd(std::int64_t m) {
  SINTER_ASSERT(m == 2 || m == 4);
  if (m == 2)
    return {.input = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}},
            .weights = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
            .output = {{1, 1, 1, 0}, {0, 1, -1, 1}}};
  constexpr double r = std::numbers::sqrt2, h = r / 2;
  return {.input = {{1, 0, -2.5, 0, 1, 0},
                    {0, -r, -2, h, 1, 0},
                    {0, r, -2, -h, 1, 0},
                    {0, 1, h, -2, -r, 0},
                    {0, 1, -h, -2, r, 0},
                    {0, 1, 0, -2.5, 0, 1}},
          .weights = {{1, 0, 0},
                      {-h / 1.5, -0.5 / 1.5, -h / 3},
                      {-h / 1.5, 0.5 / 1.5, -h / 3},
                      {-1 / 6.0, -r / 6, -2 / 6.0},
                      {1 / 6.0, -r / 6, 2 / 6.0},
                      {0, 0, 1}},
          .output = {{1, r, r, h, h, 0}, {0, 1, -1, 1, -1, 0}, {0, h, h, r, r, 0}, {0, 0.5, -0.5, 2, -2, 1}}};
}

/// The values of one dimension of a tile; the first m+2 or m of them are set.
using winograd_values = std::array<vector::reg, 6>;

namespace detail {

/// What the transforms of float32 and of int32 share; those of F(2,3) are the same.
template <vector::register_type Type>
class winograd_transform {
 protected:
  using opcode = vector::opcode;
  static constexpr bool is_real = Type == vector::register_type::f32;

  winograd_transform(vector::builder& b, std::int64_t m) : b_(b), m_(m) { SINTER_ASSERT(m == 2 || m == 4); }

  vector::reg add(vector::reg x, vector::reg y) { return b_.binary(is_real ? opcode::add : opcode::iadd, x, y, Type); }
  vector::reg sub(vector::reg x, vector::reg y) { return b_.binary(is_real ? opcode::sub : opcode::isub, x, y, Type); }
  /// Sum and difference.
  std::pair<vector::reg, vector::reg> butterfly(vector::reg x, vector::reg y) { return {add(x, y), sub(x, y)}; }

  template <typename Load>
  winograd_values input_of_two(Load&& load) {
    auto const d1 = load(1), d2 = load(2), d3 = load(3);
    auto const [t1, t2] = butterfly(d2, d1);
    return {sub(load(0), d2), t1, t2, sub(d3, d1)};
  }
  template <typename Load>
  winograd_values output_of_two(std::int64_t count, Load&& load) {
    auto const p1 = load(1), p2 = load(2);
    auto const [sum, difference] = butterfly(p1, p2);
    winograd_values y{add(load(0), sum)};
    if (count > 1) y[1] = add(difference, load(3));
    return y;
  }

  vector::builder& b_;
  std::int64_t m_;
};

/// The constants of F(4,3) of float32.
class winograd_floats : protected winograd_transform<vector::register_type::f32> {
 protected:
  winograd_floats(vector::builder& b, std::int64_t m) : winograd_transform(b, m) {
    if (m == 4) two_ = b.constant(2), root_half_ = b.constant(static_cast<float>(std::numbers::sqrt2 / 2));
  }

  vector::reg two_{}, root_half_{};
};

}  // namespace detail

/// Emits B^T d. Construction puts the constants into registers; `load(i)` gives d_i, once, where it is needed.
class winograd_input_transform : detail::winograd_floats {
 public:
  winograd_input_transform(vector::builder& b, std::int64_t m) : winograd_floats(b, m) {
    if (m == 4) five_halves_ = b.constant(2.5f);
  }

  template <typename Load>
  winograd_values operator()(Load&& load) {
    if (m_ == 2) return input_of_two(load);
    auto const d1 = load(1), d2 = load(2), d3 = load(3), d4 = load(4);
    auto const odd = b_.fnma(two_, d3, d1), even = b_.fnma(two_, d2, d4);
    auto const odd1 = b_.fnma(two_, d1, d3), even1 = b_.fnma(two_, d4, d2);
    auto const t0 = b_.fnma(five_halves_, d2, add(load(0), d4));
    auto const t5 = b_.fnma(five_halves_, d3, add(load(5), d1));
    return {t0,
            b_.fma(root_half_, odd1, even),
            b_.fnma(root_half_, odd1, even),
            b_.fma(root_half_, even1, odd),
            b_.fnma(root_half_, even1, odd),
            t5};
  }

 private:
  vector::reg five_halves_{};
};

/// Emits A^T p. Construction puts the constants into registers; `load(i)` gives p_i, once, where it is needed.
class winograd_output_transform : detail::winograd_floats {
 public:
  winograd_output_transform(vector::builder& b, std::int64_t m) : winograd_floats(b, m) {
    if (m == 4) half_ = b.constant(0.5f);
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
    y[0] = b_.fma(root_half_, b_.fma(two_, sum, sum1), load(0));
    if (count > 2) y[2] = b_.binary(opcode::mul, root_half_, b_.fma(two_, sum1, sum));
    if (count > 1) y[1] = add(difference, difference1);
    if (count > 3) y[3] = b_.fma(half_, difference, b_.fma(two_, difference1, load(5)));
    return y;
  }

 private:
  vector::reg half_{};
};

/// Emits G g, two values at a time: those of points that differ in sign. Construction puts the constants into
/// registers; `load(i)` gives g_i, once, where it is needed.
class winograd_filter_transform {
 public:
  winograd_filter_transform(vector::builder& b, std::int64_t m) : b_(b), m_(m) {
    SINTER_ASSERT(m == 2 || m == 4);
    auto const constant = [&](double value) { return b.constant(static_cast<float>(value)); };
    if (m == 2) {
      half_ = constant(0.5);
    } else {
      constexpr double r = std::numbers::sqrt2;
      third_ = constant(1 / 3.0), sixth_ = constant(1 / 6.0), root_third_ = constant(-r / 3);
      root_sixth_ = constant(-r / 6);
    }
  }

  /// The pair `k`: values 2k-1 and 2k; of k = 0 the first and the last one.
  template <typename Load>
  std::pair<vector::reg, vector::reg> pair(std::int64_t k, Load&& load) {
    constexpr auto add = vector::opcode::add, sub = vector::opcode::sub, mul = vector::opcode::mul;
    auto const g0 = load(0);
    if (k == 0) return {g0, load(2)};
    if (m_ == 2) {
      auto const even = b_.binary(mul, half_, b_.binary(add, g0, load(2))), g1 = load(1);
      return {b_.fma(half_, g1, even), b_.fnma(half_, g1, even)};
    }
    if (k == 1) {
      auto const even = b_.fma(root_sixth_, load(2), b_.binary(mul, root_third_, g0)), g1 = load(1);
      return {b_.fnma(third_, g1, even), b_.fma(third_, g1, even)};
    }
    auto const even = b_.fma(third_, load(2), b_.binary(mul, sixth_, g0));
    auto const odd = b_.binary(mul, root_sixth_, load(1));
    return {b_.binary(sub, odd, even), b_.binary(add, odd, even)};
  }

 private:
  vector::builder& b_;
  std::int64_t m_;
  vector::reg half_{}, third_{}, sixth_{}, root_third_{}, root_sixth_{};
};

}  // namespace sinter
