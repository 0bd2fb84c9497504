#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace codegen {

/// The middle one of at least one value; of an even number, the larger of the two in the middle.
inline double median(std::vector<double> values) {
  auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace codegen
