#pragma once

#include <sinter/kernels/staging.hpp>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

/// Random numbers.
namespace sinter::kernels {

/// Numbers of a Mersenne twister: those of NumPy's RandomState for the same seed. Without one each source gives others.
class random_source {
 public:
  random_source() : engine_(std::random_device()()) {}
  explicit random_source(std::uint32_t seed) : engine_(seed) {}

  /// From [0, 1), of 53 bits.
  double uniform() {
    auto const high = engine_() >> 5, low = engine_() >> 6;
    return (static_cast<double>(high) * 67108864 + static_cast<double>(low)) / 9007199254740992.0;
  }
  /// Of mean 0 and variance 1.
  double normal() {
    auto const radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::mt19937 engine_;
};

/// Drops elements at random and scales the others up; output 1 says which were kept. Numbers: whether there is a seed,
/// the seed; the share to drop.
inline status drop(call const& c) {
  auto const type = c.in[0].type;
  compute_kind_of(type);
  if (c.memory.measuring()) return {};
  auto source = c.integers[0] ? random_source(static_cast<std::uint32_t>(c.integers[1])) : random_source();
  auto const y = c.output(0), mask = c.output(1);
  for (std::size_t i = 0; i < c.in[0].elements(); ++i) {
    bool const kept = source.uniform() >= c.reals[0];
    if (y) store<double>(type, y.data, i, kept ? load<double>(type, c.in[0].data, i) / (1 - c.reals[0]) : 0);
    if (mask) static_cast<bool*>(mask.data)[i] = kept;
  }
  return {};
}

}  // namespace sinter::kernels
