#pragma once

#include <sinter/core/tensor.hpp>

#include <cstddef>

namespace codegen {

/// What a model is measured on: numbers between 0 and 1 for float32, zeros for other types.
inline sinter::any_tensor example(sinter::dtype type, sinter::shape const& extents) {
  sinter::any_tensor t(type, extents);
  if (type != sinter::dtype::float32) return t;
  auto const values = t.mutable_view().as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 251) / 250;
  return t;
}

}  // namespace codegen
