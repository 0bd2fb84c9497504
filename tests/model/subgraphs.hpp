#pragma once

#include <sinter/core/tensor.hpp>

#include "model/pipeline.hpp"
#include <cmath>
#include <cstddef>

/// Inputs and comparison of graphs with subgraphs.
namespace sinter::test {

inline any_tensor numbers(shape const& s, float first) {
  any_tensor t(dtype::float32, s);
  auto const values = t.mutable_view().as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(first + static_cast<float>(i));
  return t;
}

inline bool close(any_tensor const& a, any_tensor const& b) {
  if (a.type() != b.type() || a.shape() != b.shape()) return false;
  if (a.type() != dtype::float32) return equal_bits({a}, {b});
  auto const x = a.as<float>(), y = b.as<float>();
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!(std::abs(x[i] - y[i]) <= 1e-5f * (1 + std::abs(y[i])))) return false;
  return true;
}

}  // namespace sinter::test
