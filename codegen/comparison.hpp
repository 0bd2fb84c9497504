#pragma once

#include <sinter/core/tensor.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace codegen {

/// How far a number may be from what is expected: |got - expected| <= atol + rtol * |expected|.
struct tolerance {
  double rtol = 1e-3;
  std::optional<double> atol{};  ///< none: `share` of the largest magnitude that is expected in the tensor
  double share = 1e-4;
};

/// What two tensors have in common.
struct comparison {
  std::string name{};
  std::string problem{};  ///< they cannot be compared number by number: types or shapes differ
  std::string type{};     ///< and shape
  double absolute = 0;    ///< largest difference; infinite where one is not finite, or is no number
  double relative = 0;    ///< largest difference over the magnitude of what is expected, unless that is 0
  double rtol = 0, atol = 0;
  std::size_t elements = 0;
  std::size_t bad = 0;      ///< elements beyond the tolerance
  std::string first_bad{};  ///< "element 7 is 1, expected 2"

  bool good() const { return problem.empty() && bad == 0; }
};

/// Compares tensors, or containers item by item. A NaN equals a NaN, an infinity itself, strings are equal or not.
comparison compare_tensors(std::string name, sinter::any_tensor const& got, sinter::any_tensor const& expected,
                           tolerance const& allowed);

/// A line for people.
std::string to_string(comparison const& c);

}  // namespace codegen
