#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/kernels/element.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace conformance {

/// What is wrong with `got`, or nothing: type, shape, then |got - expected| <= atol + rtol * |expected| for each
/// element, where a NaN equals a NaN and strings are equal or not; items of containers likewise. As the runner of the
/// ONNX project does it, bfloat16 may be off by two units in the last place.
inline std::string difference(sinter::any_tensor const& got, sinter::any_tensor const& expected, double rtol,
                              double atol) {
  using sinter::dtype;
  if (got.type() != expected.type())
    return fmt::format("type {}, expected {}", sinter::name(got.type()), sinter::name(expected.type()));
  if (got.shape() != expected.shape()) return fmt::format("shape {}, expected {}", got.shape(), expected.shape());
  auto type = got.type();
  auto count = got.elements();
  if (sinter::is_container(type)) {
    for (std::size_t i = 0; i < count; ++i)
      if (auto const wrong = difference(got.items()[i], expected.items()[i], rtol, atol); !wrong.empty())
        return fmt::format("item {}: {}", i, wrong);
    return {};
  }
  if (type == dtype::string) {
    for (std::size_t i = 0; i < count; ++i)
      if (got.as<std::string>()[i] != expected.as<std::string>()[i])
        return fmt::format("element {} is '{}', expected '{}'", i, got.as<std::string>()[i],
                           expected.as<std::string>()[i]);
    return {};
  }
  if (sinter::info(type).kind == sinter::dtype_kind::complex) {
    type = type == dtype::complex64 ? dtype::float32 : dtype::float64;
    count *= 2;
  }
  if (type == dtype::bfloat16) rtol = std::max(rtol, 0x1p-6);
  std::size_t wrong = 0;
  std::string first;
  for (std::size_t i = 0; i < count; ++i) {
    auto const a = sinter::load<double>(type, got.data(), i), b = sinter::load<double>(type, expected.data(), i);
    if (a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= atol + rtol * std::abs(b)) continue;
    if (wrong++ == 0) first = fmt::format("element {} is {}, expected {}", i, a, b);
  }
  return wrong ? fmt::format("{} of {} elements differ; {}", wrong, count, first) : std::string();
}

}  // namespace conformance
