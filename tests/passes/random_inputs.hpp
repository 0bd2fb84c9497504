#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/graph/graph.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

/// Tensors for all inputs of a graph whose shapes are known: floats in [-1, 1), integers and booleans 0 or 1.
inline std::vector<sinter::any_tensor> random_inputs(sinter::graph const& g, std::uint32_t seed = 1) {
  std::vector<sinter::any_tensor> tensors;
  auto const next = [&] { return (seed = seed * 1664525u + 1013904223u) >> 8; };
  for (auto const& port : g.inputs) {
    auto const& type = g.at(port.value).type;
    sinter::any_tensor t(type.element, *type.shape);
    auto* const bytes = static_cast<std::uint8_t*>(t.data());
    auto const size = sinter::size_of(type.element);
    for (std::size_t i = 0; i < t.elements(); ++i) {
      auto const value = static_cast<float>(next()) * 0x1p-23f - 1.0f;
      if (type.element == sinter::dtype::float32)
        static_cast<float*>(t.data())[i] = value;
      else if (type.element == sinter::dtype::float16)
        static_cast<std::uint16_t*>(t.data())[i] = sinter::float_to_half(value);
      else if (type.element == sinter::dtype::bfloat16)
        static_cast<std::uint16_t*>(t.data())[i] = sinter::float_to_bfloat16(value);
      else
        bytes[i * size] = next() & 1u;
    }
    tensors.push_back(std::move(t));
  }
  return tensors;
}

/// The largest |a - b| of all float tensors, relative to the largest magnitude of its tensor, or `least`; infinity
/// where shapes or types differ, one side is a NaN alone, or other elements differ.
inline double largest_difference(std::vector<sinter::any_tensor> const& a, std::vector<sinter::any_tensor> const& b,
                                 double least = 1e-30) {
  constexpr auto worst = std::numeric_limits<double>::infinity();
  if (a.size() != b.size()) return worst;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].type() != b[i].type() || a[i].shape() != b[i].shape()) return worst;
    if (a[i].type() != sinter::dtype::float32 && a[i].type() != sinter::dtype::float16 &&
        a[i].type() != sinter::dtype::bfloat16) {
      if (std::memcmp(a[i].data(), b[i].data(), a[i].bytes()) != 0) return worst;
      continue;
    }
    double magnitude = least, difference = 0;
    for (std::size_t k = 0; k < a[i].elements(); ++k) {
      auto const at = [&](sinter::any_tensor const& t) {
        if (t.type() == sinter::dtype::float32) return t.as<float>()[k];
        auto const bits = static_cast<std::uint16_t const*>(t.data())[k];
        return t.type() == sinter::dtype::float16 ? sinter::half_to_float(bits) : sinter::bfloat16_to_float(bits);
      };
      double const x = at(a[i]), y = at(b[i]);
      if (std::isnan(x) != std::isnan(y)) return worst;
      if (std::isnan(x)) continue;
      magnitude = std::max(magnitude, std::abs(x));
      if (x != y) difference = std::max(difference, std::abs(x - y));
    }
    largest = std::max(largest, difference / magnitude);
  }
  return largest;
}
